SELECT a.name, COUNT(*) AS n FROM flights f JOIN airlines a ON a.carrier = f.carrier WHERE f.origin = 'LGA' GROUP BY a.name ORDER BY n DESC, a.name LIMIT 5

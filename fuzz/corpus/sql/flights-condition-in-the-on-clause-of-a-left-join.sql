SELECT a.carrier, COUNT(f.id) AS n FROM airlines a LEFT JOIN flights f ON f.carrier = a.carrier AND f.dest = 'LAX' GROUP BY a.carrier ORDER BY a.carrier

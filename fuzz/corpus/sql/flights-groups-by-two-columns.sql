SELECT origin, carrier, COUNT(*) AS n FROM flights WHERE dest = 'MIA' GROUP BY origin, carrier ORDER BY origin, carrier

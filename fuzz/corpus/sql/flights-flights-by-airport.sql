SELECT origin, COUNT(*) AS n, AVG(dep_delay) AS delay FROM flights GROUP BY origin ORDER BY origin

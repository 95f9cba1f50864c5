SELECT COUNT(*) AS n, SUM(distance) AS miles, MIN(id) AS first, AVG(dep_delay) AS delay FROM flights WHERE id < 0

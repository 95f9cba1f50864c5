SELECT MIN(dep_time) AS first, MAX(dep_time) AS last FROM flights

SELECT COUNT(*) AS n, MIN(dep_delay) AS earliest, MAX(dep_delay) AS latest, SUM(distance) AS miles, AVG(air_time) AS minutes FROM flights

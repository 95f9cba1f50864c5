SELECT MIN(id) AS first, MAX(id) AS last FROM flights

SELECT COUNT(*) AS n FROM flights WHERE dep_time IS NULL

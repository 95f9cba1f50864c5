SELECT COUNT(*) AS n FROM flights WHERE dep_delay > 60 AND dep_time BETWEEN 1700 AND 1800

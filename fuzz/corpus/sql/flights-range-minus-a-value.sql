SELECT COUNT(*) AS n FROM flights WHERE dep_delay BETWEEN 0 AND 10 AND dep_delay <> 5

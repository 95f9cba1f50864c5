SELECT dep_time / 100 AS clock, COUNT(*) AS n FROM flights WHERE dep_time < 600 GROUP BY dep_time / 100 ORDER BY clock

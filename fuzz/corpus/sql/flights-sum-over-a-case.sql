SELECT SUM(CASE WHEN dep_delay > 0 THEN 1 ELSE 0 END) AS late, SUM(CASE WHEN dep_delay <= 0 THEN 1 ELSE 0 END) AS punctual FROM flights

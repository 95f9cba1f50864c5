SELECT COUNT(*) AS n FROM flights WHERE NOT (dep_delay > 0 OR dep_delay <= 0)

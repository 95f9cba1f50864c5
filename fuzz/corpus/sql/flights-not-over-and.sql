SELECT COUNT(*) AS n FROM flights WHERE NOT (origin = 'JFK' AND dep_delay > 0)

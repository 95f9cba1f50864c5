SELECT origin, dest, id FROM flights WHERE day = 1 AND hour = 6 ORDER BY origin DESC, dest, id LIMIT 12

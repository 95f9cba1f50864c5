SELECT id, distance FROM flights WHERE distance > 4970.5 ORDER BY id LIMIT 5

SELECT id, tailnum FROM flights WHERE flight = 1545 ORDER BY id LIMIT 10

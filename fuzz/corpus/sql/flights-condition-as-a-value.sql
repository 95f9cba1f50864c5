SELECT id, dep_delay > 0 AS late FROM flights WHERE id IN (1, 6, 839) ORDER BY id

SELECT id, carrier FROM flights WHERE id IN (5, 3, 20000, 3, 999999) ORDER BY id

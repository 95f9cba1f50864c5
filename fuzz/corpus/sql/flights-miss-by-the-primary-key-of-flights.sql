SELECT id, carrier FROM flights WHERE id = 99999999

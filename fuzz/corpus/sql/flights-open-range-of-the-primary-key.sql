SELECT id, carrier, flight FROM flights WHERE id > 26998 ORDER BY id

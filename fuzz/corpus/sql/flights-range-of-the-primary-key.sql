SELECT id, carrier, flight FROM flights WHERE id BETWEEN 100 AND 110 ORDER BY id

SELECT id FROM flights WHERE id >= 500 AND id < 505 ORDER BY id

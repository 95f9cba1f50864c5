SELECT id, distance / 2.0 AS half, air_time * 1.5 AS longer FROM flights WHERE id IN (1, 2, 3) ORDER BY id

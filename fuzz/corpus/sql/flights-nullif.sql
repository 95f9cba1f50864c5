SELECT id, NULLIF(origin, 'JFK') AS elsewhere FROM flights WHERE id BETWEEN 1 AND 6 ORDER BY id

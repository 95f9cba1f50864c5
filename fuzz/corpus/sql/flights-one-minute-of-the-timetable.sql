SELECT id, dep_time, carrier FROM flights WHERE dep_time = 601 ORDER BY id LIMIT 12

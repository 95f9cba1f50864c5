SELECT id, dep_time FROM flights WHERE dep_time > 2355 ORDER BY dep_time DESC, id LIMIT 15

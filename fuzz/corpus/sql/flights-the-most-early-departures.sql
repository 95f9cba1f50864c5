SELECT id, dep_delay FROM flights WHERE dep_delay < -20 ORDER BY dep_delay, id

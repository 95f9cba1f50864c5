SELECT id, dep_time, carrier, dest FROM flights WHERE dep_time BETWEEN 1 AND 20 ORDER BY dep_time, id

SELECT id, dep_delay, carrier, dest FROM flights WHERE dep_delay > 500 ORDER BY dep_delay DESC, id

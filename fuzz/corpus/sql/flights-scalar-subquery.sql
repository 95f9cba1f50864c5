SELECT id, dep_delay FROM flights WHERE dep_delay = (SELECT MAX(dep_delay) FROM flights)

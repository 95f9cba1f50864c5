SELECT id, dep_time, dep_delay FROM flights WHERE dest = 'HNL' AND dep_delay > 15 ORDER BY id

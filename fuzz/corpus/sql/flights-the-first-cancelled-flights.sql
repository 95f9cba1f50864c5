SELECT id, dep_time, dep_delay, arr_time, tailnum, dest FROM flights WHERE dep_time IS NULL ORDER BY id LIMIT 6

SELECT id, COALESCE(tailnum, 'unknown') AS tail, COALESCE(dep_delay, arr_delay, -1) AS delay FROM flights WHERE dep_time IS NULL ORDER BY id DESC LIMIT 5

SELECT id, arr_delay - dep_delay AS gained FROM flights WHERE arr_delay IS NOT NULL ORDER BY arr_delay - dep_delay, id LIMIT 5

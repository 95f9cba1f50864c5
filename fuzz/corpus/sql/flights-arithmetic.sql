SELECT id, distance * 2 - air_time AS x, -dep_delay AS y, distance / 100 AS hundreds, distance % 100 AS rest FROM flights WHERE id IN (1, 2, 3) ORDER BY id

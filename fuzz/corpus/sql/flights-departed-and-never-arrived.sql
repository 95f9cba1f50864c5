SELECT COUNT(*) AS n FROM flights WHERE dep_time IS NOT NULL AND arr_delay IS NULL

SELECT id, distance * 60 / air_time AS speed FROM flights WHERE air_time IS NOT NULL ORDER BY distance * 60 / air_time DESC, id LIMIT 5

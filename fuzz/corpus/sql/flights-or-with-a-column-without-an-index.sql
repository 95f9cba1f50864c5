SELECT COUNT(*) AS n FROM flights WHERE dest = 'HNL' OR air_time > 600

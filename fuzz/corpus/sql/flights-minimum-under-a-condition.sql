SELECT MIN(dep_time) AS first FROM flights WHERE dest = 'LAX'

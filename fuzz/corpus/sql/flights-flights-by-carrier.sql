SELECT carrier, COUNT(*) AS n, MAX(dep_delay) AS worst FROM flights GROUP BY carrier ORDER BY n DESC, carrier

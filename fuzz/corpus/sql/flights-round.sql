SELECT faa, ROUND(lat, 1) AS lat, ROUND(lon, 2) AS lon FROM airports WHERE faa IN ('EWR', 'JFK', 'LGA') ORDER BY faa

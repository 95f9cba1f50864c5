SELECT faa, lon FROM airports WHERE lon BETWEEN -74.2 AND -73.7 ORDER BY lon, faa

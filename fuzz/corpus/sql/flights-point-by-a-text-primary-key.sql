SELECT faa, name, lat, lon, alt FROM airports WHERE faa = 'JFK'

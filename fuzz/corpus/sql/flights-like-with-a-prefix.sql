SELECT faa, name FROM airports WHERE faa LIKE 'JF%' ORDER BY faa

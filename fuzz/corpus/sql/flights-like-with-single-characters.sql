SELECT faa FROM airports WHERE faa LIKE 'S_A' ORDER BY faa

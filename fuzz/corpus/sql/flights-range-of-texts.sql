SELECT faa, name FROM airports WHERE faa >= 'JF' AND faa < 'JP' ORDER BY faa

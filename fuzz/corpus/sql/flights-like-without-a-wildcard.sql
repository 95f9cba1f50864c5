SELECT name FROM airports WHERE faa LIKE 'LGA'

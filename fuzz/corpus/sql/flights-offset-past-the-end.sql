SELECT carrier FROM airlines ORDER BY carrier LIMIT 5 OFFSET 100

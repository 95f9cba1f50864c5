SELECT carrier, name FROM airlines WHERE name LIKE '%Air Lines%' ORDER BY carrier

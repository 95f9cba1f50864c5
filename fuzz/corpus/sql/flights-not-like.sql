SELECT carrier, name FROM airlines WHERE name NOT LIKE '%Inc.%' ORDER BY carrier

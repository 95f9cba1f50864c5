SELECT CAST(lat AS INTEGER) AS whole, CAST(alt AS REAL) AS feet, CAST(tz AS TEXT) AS zone FROM airports WHERE faa = 'JFK'

SELECT carrier, name FROM airlines a WHERE EXISTS (SELECT 1 FROM flights f WHERE f.carrier = a.carrier AND f.dest = 'HNL') ORDER BY carrier

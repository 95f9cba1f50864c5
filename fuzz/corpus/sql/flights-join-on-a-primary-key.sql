SELECT f.id, a.name FROM flights f JOIN airlines a ON f.carrier = a.carrier WHERE f.id BETWEEN 1 AND 5 ORDER BY f.id

SELECT f.id, a.name AS airline, d.name AS airport FROM flights f JOIN airlines a ON a.carrier = f.carrier JOIN airports d ON d.faa = f.dest WHERE f.dep_delay > 600 ORDER BY f.id

SELECT DISTINCT f.dest FROM flights f LEFT JOIN airports d ON d.faa = f.dest WHERE d.faa IS NULL ORDER BY f.dest

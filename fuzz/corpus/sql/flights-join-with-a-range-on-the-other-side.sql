SELECT d.faa, d.alt, COUNT(*) AS n FROM airports d JOIN flights f ON f.dest = d.faa WHERE d.alt > 5000 GROUP BY d.faa, d.alt ORDER BY d.faa

SELECT p.tailnum, f.id, f.dest FROM planes p JOIN flights f ON f.tailnum = p.tailnum WHERE p.tailnum IN ('N14228', 'N24211') AND f.day <= 3 ORDER BY f.id

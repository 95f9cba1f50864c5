SELECT f.id, f.tailnum, p.manufacturer FROM flights f LEFT JOIN planes p ON p.tailnum = f.tailnum WHERE f.dest = 'HDN' OR f.id BETWEEN 1 AND 6 ORDER BY f.id

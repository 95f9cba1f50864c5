SELECT f.id, p.model FROM flights f, planes p WHERE f.tailnum = p.tailnum AND f.dest = 'HNL' AND f.day = 1 ORDER BY f.id

SELECT id, dep_delay + 1 AS later FROM flights WHERE id BETWEEN 838 AND 842 ORDER BY id

SELECT p.manufacturer, COUNT(*) AS n FROM flights f JOIN planes p ON p.tailnum = f.tailnum WHERE f.dest = 'BOS' GROUP BY p.manufacturer ORDER BY n DESC, p.manufacturer

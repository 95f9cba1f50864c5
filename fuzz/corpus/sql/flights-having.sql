SELECT dest, COUNT(*) AS n FROM flights GROUP BY dest HAVING COUNT(*) > 900 ORDER BY n DESC, dest

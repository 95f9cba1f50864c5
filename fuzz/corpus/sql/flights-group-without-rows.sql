SELECT dest, COUNT(*) AS n FROM flights WHERE id < 0 GROUP BY dest

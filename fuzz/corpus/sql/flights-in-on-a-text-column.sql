SELECT dest, COUNT(*) AS n FROM flights WHERE dest IN ('BOS', 'BWI', 'XXX') GROUP BY dest ORDER BY dest

SELECT COUNT(*) AS n FROM flights WHERE dest = 'BOS' AND dest = 'BUF'

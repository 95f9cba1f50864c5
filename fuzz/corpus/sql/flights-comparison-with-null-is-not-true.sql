SELECT COUNT(*) AS n FROM flights WHERE tailnum = NULL

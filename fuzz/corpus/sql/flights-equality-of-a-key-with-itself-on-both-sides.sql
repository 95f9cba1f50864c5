SELECT COUNT(*) AS n FROM flights WHERE origin = dest

SELECT dest, AVG(arr_delay) AS delay FROM flights WHERE arr_delay IS NOT NULL GROUP BY dest HAVING COUNT(*) >= 100 AND AVG(arr_delay) > 10 ORDER BY delay DESC, dest

SELECT tailnum, COUNT(*) AS n FROM flights WHERE tailnum LIKE 'N1422%' GROUP BY tailnum ORDER BY tailnum

SELECT tailnum, year, manufacturer FROM planes WHERE year IS NULL ORDER BY tailnum LIMIT 5

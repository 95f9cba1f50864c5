SELECT ABS(dep_delay) AS size, LENGTH(tailnum) AS letters, LOWER(carrier) AS lower, UPPER('jfk') AS upper FROM flights WHERE id = 4

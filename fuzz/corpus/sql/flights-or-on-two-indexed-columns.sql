SELECT id, tailnum, dep_delay FROM flights WHERE tailnum = 'N14228' OR dep_delay > 800 ORDER BY id

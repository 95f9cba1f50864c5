SELECT id, carrier, flight, origin, dest, dep_time FROM flights WHERE tailnum = 'N14228' ORDER BY id

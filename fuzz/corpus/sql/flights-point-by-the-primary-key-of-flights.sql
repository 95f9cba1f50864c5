SELECT id, carrier, flight, origin, dest FROM flights WHERE id = 14229

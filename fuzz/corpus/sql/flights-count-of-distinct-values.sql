SELECT COUNT(DISTINCT tailnum) AS planes, COUNT(DISTINCT dest) AS places, COUNT(DISTINCT dep_time) AS minutes FROM flights

SELECT COUNT(*) AS n, COUNT(tailnum) AS tailnums, COUNT(dep_time) AS departed, COUNT(air_time) AS arrived FROM flights

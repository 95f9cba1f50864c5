SELECT DISTINCT origin, carrier FROM flights WHERE carrier IN ('DL', 'HA', 'UA') ORDER BY origin, carrier

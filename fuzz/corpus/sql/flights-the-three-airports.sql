SELECT DISTINCT origin FROM flights ORDER BY origin

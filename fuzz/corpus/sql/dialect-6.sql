EXPLAIN SELECT * FROM flights WHERE tailnum = 'N14228';
EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM flights WHERE dep_time < 10;
SET statement_timeout = 5000;
SHOW statement_timeout;
SET routing = full_scan;
SET routing = automatic;
SET division_by_zero = error;

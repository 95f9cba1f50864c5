SELECT DISTINCT origin || '-' || dest AS route, distance
FROM flights
WHERE (carrier = 'UA' OR carrier IN ('AA', 'DL')) AND dep_time BETWEEN 500 AND 600
  AND tailnum IS NOT NULL AND dest LIKE 'M%' AND NOT (distance < 200)
ORDER BY distance DESC, route
LIMIT 5 OFFSET 2;

SELECT carrier, count(*) AS flights, avg(dep_delay) AS delay, count(DISTINCT dest) AS dests
FROM flights GROUP BY carrier HAVING count(*) > 1000 ORDER BY delay;

SELECT f.id, a.name, p.seats
FROM flights AS f JOIN airports AS a ON a.faa = f.dest LEFT JOIN planes AS p USING (tailnum)
WHERE f.id < 5;

SELECT name FROM airports WHERE faa IN (SELECT dest FROM flights WHERE distance > 4000);
SELECT carrier, (SELECT count(*) FROM flights AS f WHERE f.carrier = a.carrier) AS flights FROM airlines AS a;
SELECT dest FROM flights WHERE id = 1 UNION SELECT origin FROM flights WHERE id = 1;
WITH late AS (SELECT * FROM flights WHERE dep_delay > 300) SELECT count(*) FROM late;
SELECT CASE WHEN dep_delay > 60 THEN 'late' ELSE 'fine' END AS state, CAST(distance AS REAL) / 2 FROM flights LIMIT 3;

INSERT INTO trips (id, tailnum, price, paid, day, booked_at, ticket)
VALUES (1, 'N14228', 99.5, true, DATE '2013-01-01', TIMESTAMP '2013-01-01 10:00:00', x'00ff'),
       (2, 'N24211', 250, false, '2013-01-02', NULL, NULL);
INSERT INTO trips (id, tailnum) SELECT id + 100, tailnum FROM flights WHERE tailnum = 'N14228' RETURNING id;
INSERT INTO trips (id, tailnum) VALUES (1, 'N1') ON CONFLICT DO NOTHING;
INSERT INTO trips (id, tailnum) VALUES (1, 'N1') ON CONFLICT (id) DO UPDATE SET tailnum = excluded.tailnum;
UPDATE trips SET price = price * 1.1, paid = true WHERE price IS NOT NULL;
DELETE FROM trips WHERE id > 100;

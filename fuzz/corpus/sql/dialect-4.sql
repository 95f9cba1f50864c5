BEGIN;
UPDATE trips SET paid = true WHERE id = 1;
SAVEPOINT here;
DELETE FROM trips;
ROLLBACK TO here;
RELEASE here;
COMMIT;

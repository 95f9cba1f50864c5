CREATE TABLE trips (
    id        INTEGER PRIMARY KEY,
    tailnum   TEXT NOT NULL,
    seats     INTEGER DEFAULT 100 CHECK (seats > 0),
    price     REAL,
    code      TEXT UNIQUE,
    paid      BOOLEAN,
    day       DATE,
    booked_at TIMESTAMP,
    ticket    BLOB
);
CREATE INDEX trips_tailnum ON trips USING HASH (tailnum);
CREATE INDEX trips_day ON trips USING TREE (day, seats DESC);
CREATE UNIQUE INDEX trips_ticket ON trips (ticket);
CREATE VIEW cheap AS SELECT id, price FROM trips WHERE price < 100;
ALTER TABLE trips ADD COLUMN note TEXT;
ALTER TABLE trips RENAME COLUMN note TO remark;
ALTER TABLE trips DROP COLUMN remark;
CREATE TABLE IF NOT EXISTS trips (id INTEGER);
DROP VIEW IF EXISTS cheap;

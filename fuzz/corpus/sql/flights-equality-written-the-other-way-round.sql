SELECT name FROM airlines WHERE 'AA' = carrier

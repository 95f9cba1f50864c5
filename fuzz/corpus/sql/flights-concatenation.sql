SELECT origin || '-' || dest AS route FROM flights WHERE id BETWEEN 10 AND 13 ORDER BY id

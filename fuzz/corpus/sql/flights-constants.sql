SELECT 1 AS one, 2.5 AS number, 'text' AS word, NULL AS absent

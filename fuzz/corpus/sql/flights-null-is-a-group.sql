SELECT engines, speed IS NULL AS unknown, COUNT(*) AS n FROM planes GROUP BY engines, speed IS NULL ORDER BY engines, unknown

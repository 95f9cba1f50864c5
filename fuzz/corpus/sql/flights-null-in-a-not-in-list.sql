SELECT COUNT(*) AS n FROM airlines WHERE carrier NOT IN ('AA', NULL)

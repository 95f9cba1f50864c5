SELECT carrier, CASE carrier WHEN 'AA' THEN 'American' WHEN 'UA' THEN 'United' END AS short FROM airlines WHERE carrier IN ('AA', 'B6', 'UA') ORDER BY carrier

SELECT 'a, b' AS comma, 'say "x"' AS quotation, 'it''s' AS apostrophe, '' || name AS plain FROM airlines WHERE carrier = '9E'

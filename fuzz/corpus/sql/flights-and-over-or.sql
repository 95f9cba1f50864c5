SELECT id, origin, dest FROM flights WHERE (dest = 'BUF' OR dest = 'ROC') AND (origin = 'LGA' OR dep_delay > 240) ORDER BY id

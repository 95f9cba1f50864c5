SELECT id, dest FROM flights WHERE dest = 'HDN' OR dest = 'EGE' AND day = 5 ORDER BY id

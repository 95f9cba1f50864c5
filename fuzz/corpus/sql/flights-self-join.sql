SELECT a.id AS first, b.id AS second, a.tailnum FROM flights a JOIN flights b ON b.tailnum = a.tailnum AND b.id > a.id AND b.day = a.day WHERE a.tailnum = 'N725MQ' AND a.day = 1 ORDER BY a.id, b.id

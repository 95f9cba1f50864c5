SELECT COUNT(*) AS n FROM flights WHERE tailnum IN (SELECT tailnum FROM planes WHERE manufacturer = 'CESSNA')

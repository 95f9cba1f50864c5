SELECT id FROM flights WHERE tailnum = 'N00000'

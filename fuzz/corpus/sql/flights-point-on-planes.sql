SELECT tailnum, year, manufacturer, model, seats, speed FROM planes WHERE tailnum = 'N14228'

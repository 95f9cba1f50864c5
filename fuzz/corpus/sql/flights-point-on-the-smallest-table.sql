SELECT name FROM airlines WHERE carrier = 'UA'

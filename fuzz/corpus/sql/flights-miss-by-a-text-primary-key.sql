SELECT faa, name FROM airports WHERE faa = 'NIX'

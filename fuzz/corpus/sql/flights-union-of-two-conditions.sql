SELECT faa FROM airports WHERE alt > 8000 UNION SELECT dest FROM flights WHERE dest = 'HNL' ORDER BY 1

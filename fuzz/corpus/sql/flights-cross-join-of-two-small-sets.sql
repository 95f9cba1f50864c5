SELECT a.carrier AS one, b.carrier AS other FROM airlines a CROSS JOIN airlines b WHERE a.carrier < b.carrier AND b.carrier < 'AT' ORDER BY a.carrier, b.carrier

SELECT faa, alt * 3 AS thrice FROM airports WHERE alt > 7000 ORDER BY thrice, faa

SELECT faa, lat FROM airports WHERE lat > 70.0 ORDER BY lat DESC, faa

SELECT id, tailnum FROM flights WHERE dest = 'ALB' AND carrier = 'EV' AND dep_delay > 100 ORDER BY id

SELECT speed FROM planes WHERE tailnum IN ('N10156', 'N201AA') ORDER BY speed DESC

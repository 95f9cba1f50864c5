SELECT carrier, name FROM airlines WHERE carrier NOT IN ('AA', 'UA', 'DL', 'B6', 'EV', '9E', 'US', 'MQ') ORDER BY carrier

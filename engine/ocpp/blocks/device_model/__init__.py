"""B05 to B08 of OCPP 2.x: what a station is set to."""

"""Block H of OCPP 2.x: reservations."""

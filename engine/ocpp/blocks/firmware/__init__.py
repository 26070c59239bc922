"""Block L of OCPP 2.x: firmware."""

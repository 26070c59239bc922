"""Block A of OCPP 2.x: security events."""

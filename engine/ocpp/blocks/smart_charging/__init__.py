"""Block K of OCPP 2.x: charging profiles."""

"""Block C of OCPP 2.x: who may charge."""

"""Block J of OCPP 2.x: meter values."""

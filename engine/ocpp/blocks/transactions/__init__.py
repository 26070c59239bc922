"""Block E of OCPP 2.x: transactions."""

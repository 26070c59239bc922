"""Block N of OCPP 2.x, monitors and events: N02 to N08, N11 to N15."""

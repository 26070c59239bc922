"""Payment, of OCPP 2.1: drivers who pay at the station or on the web."""

"""Block O of OCPP 2.x: messages on the display of a station."""

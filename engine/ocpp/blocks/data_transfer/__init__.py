"""Block P of OCPP 2.x: messages of a vendor's own."""

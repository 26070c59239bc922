"""Block G of OCPP 2.x: what hardware reports about itself, and whether it is in service."""

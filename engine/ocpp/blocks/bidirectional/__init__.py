"""Block Q of OCPP 2.1: energy that goes both ways."""

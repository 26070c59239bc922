"""Block R of OCPP 2.1: stations that serve the grid."""

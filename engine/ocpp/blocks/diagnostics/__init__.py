"""Block N of OCPP 2.x, logs and customers: N01, N09, N10."""

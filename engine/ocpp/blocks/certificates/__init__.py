"""Block M of OCPP 2.x, and A02, A03: certificates, and whether they count."""

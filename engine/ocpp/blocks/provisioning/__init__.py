"""Block B of OCPP 2.x without the device model: boots, heartbeats, resets, connections."""

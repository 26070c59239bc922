"""Block I of OCPP 2.x: tariffs and costs."""

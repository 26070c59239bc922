"""Block F of OCPP 2.x: starting, stopping, unlocking and triggering from afar."""

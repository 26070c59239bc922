"""Block D of OCPP 2.x: the list of id tags that a station keeps."""

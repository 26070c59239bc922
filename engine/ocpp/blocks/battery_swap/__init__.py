"""Block S of OCPP 2.1: batteries that are swapped."""

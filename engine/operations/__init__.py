"""What people and programs ask of a node: one module for each use case, for every interface alike.

An operation is given the node and its caller. It decides what is written and what a charge point is asked;
the words for that in each version of OCPP are in `engine.ocpp.blocks`.
"""

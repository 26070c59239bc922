"""The CSMS without HTTP: protocol, rules, store and the living side of every charge point."""

__version__ = "0.1.0"

"""Bare chargers in thousands, for benchmarks and storms: a raw socket, one reading task, latencies by action.

They know just enough OCPP 1.6 to boot, charge and obey, and check nothing: believable chargers are
`simulate`'s work. Answers to the server's calls are made at once, so that its round trips measure the server.
"""

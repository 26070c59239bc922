"""What people would use instead of Voltrio's listener: each a program of its own, started with `--port P`."""

"""What runs inside the sandbox: the standard library alone, Python 3.8 and newer.

`agent` is PID 1 and never runs a model's code; `kernel` is the process that does. Only `frames` is
also used outside.
"""

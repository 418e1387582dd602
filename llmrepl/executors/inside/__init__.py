"""What runs inside the sandbox: the standard library alone, Python 3.8 and newer.

`agent` never runs a model's code; `kernel` is the process that does. Only `frames` and `processes`
are also used outside.
"""

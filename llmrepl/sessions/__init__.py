"""Sessions on disk: append-only logs of records, one JSON object a line, chained by hashes.

`log` writes one session, `reader` reads one, `catalog` finds them, `listing` sums them up, `turns`
says where one can go back to and `forking` copies what is before it. The file format is described
in docs/reference/session-format.md.
"""

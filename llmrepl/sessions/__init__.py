"""Sessions on disk: append-only logs of records, one JSON object a line, chained by hashes.

`log` writes one session, `reader` reads one, `catalog` finds them, `listing` sums them up and
`forking` copies a prefix of one. The file format is described in docs/reference/session-format.md.
"""

"""The audit log: what ran, what was decided and what was refused, in one log for all sessions.

`log` writes it, `place` knows its files, `recovery` goes on after a crash, `reading` verifies and
reads, and `trail` says what of a conversation belongs into it. docs/reference/audit-log.md
describes the format.
"""

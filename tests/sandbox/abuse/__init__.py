"""Blocks that try to do harm, and what the host finds afterwards: one module for each group.

A case is a plain value (`case`), played in a session beside bait that must stay as it is (`world`,
`stage`). `runner` plays cases by name in a process of its own, so that any user can; `page` makes
the table for the documentation.
"""

"""Sessions for other programs, and other programs' conversations as sessions.

Pure functions from records to text and back; files, displays and secrets are the caller's.
"""

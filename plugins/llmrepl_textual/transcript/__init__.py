"""The transcript: what happened as blocks, drawn when they come into view."""

"""Finding what was said and done in all sessions."""

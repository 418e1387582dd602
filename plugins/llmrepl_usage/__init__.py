"""What a session takes: the status line, the table of its steps, and what fills the context."""

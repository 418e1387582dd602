"""The full screen in a browser: a server, and a process for each browser session."""

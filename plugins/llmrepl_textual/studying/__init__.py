"""Saved sessions: finding, comparing, replaying and verifying them."""

"""Sessions that only those can read who have a key."""

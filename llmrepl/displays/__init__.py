"""Displays: subscribers that show records and change nothing."""

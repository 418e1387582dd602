"""Limits that the operating system does not set for us: processes, memory and disk, watched."""

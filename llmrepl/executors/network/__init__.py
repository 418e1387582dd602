"""Hosts that blocks may reach: rules, the proxy that keeps them, and the words for it."""

"""The settings: the configuration, the rules, what is installed, and whether all of it works."""

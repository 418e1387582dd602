"""The full screen: a second front end, on Textual, with the same runtime and the same records."""

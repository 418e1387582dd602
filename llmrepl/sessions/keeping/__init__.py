"""Which sessions stay and which go, and what goes with them."""

"""Sessions that come from one another: making, drawing and comparing them."""

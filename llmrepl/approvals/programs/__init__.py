"""What programs touch, by their names and arguments: tables, and what reads them."""

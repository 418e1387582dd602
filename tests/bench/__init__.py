"""Measurements: interleaved runs in one process tree, medians and ratios. See `make bench`."""

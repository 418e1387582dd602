"""Looking at and removing directory trees that blocks write, without being led astray."""

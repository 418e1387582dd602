"""From a block to its result: one sandbox that is up, its blocks, their output and their end."""

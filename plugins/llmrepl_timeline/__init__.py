"""The timeline: each unit of work is a block, staged while it changes, inscribed when it ends."""

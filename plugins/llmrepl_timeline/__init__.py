"""The timeline: every unit of work is a block, staged while it changes and inscribed when it ends."""

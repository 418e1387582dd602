"""Files that outlive a block: copies to apply, real writes to undo, and what must not change."""

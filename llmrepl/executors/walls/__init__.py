"""What confines blocks: bubblewrap, Landlock, a system call filter, and proofs that they hold."""

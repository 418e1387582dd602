"""What every front end does alike: commands, drafts, what waits, the words of questions."""

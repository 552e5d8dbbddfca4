"""What a partition knows: its series as words, their rows, and how a block is folded."""

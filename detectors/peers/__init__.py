"""What a new series borrows from those that are like it."""

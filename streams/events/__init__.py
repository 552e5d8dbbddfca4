"""Session events: from a record's bytes to columns of numbers and labels."""

"""State that survives: rows in a topic, and taking partitions over."""

"""The life of an alert: its states, its evidence, its words."""

"""Observations: which series a session belongs to, and blocks for their owners."""

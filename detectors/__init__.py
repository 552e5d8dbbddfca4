"""Decides what is normal for a series and what is not: pure, without Kafka or clock."""

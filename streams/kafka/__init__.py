"""Kafka and Faust, held to what the road needs: apps, chunks, topics, the connection."""

"""Carries sessions over Kafka: ingest, detect, notify. The only place that knows Faust."""

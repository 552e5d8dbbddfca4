"""See it work: a broker, a worker, a sandbox, and a fleet that has an incident."""

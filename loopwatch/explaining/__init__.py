"""What ``loopwatch explain`` tells: why an alert fired, and what became of it."""

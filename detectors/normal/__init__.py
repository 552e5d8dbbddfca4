"""What is normal: levels, spreads, tails, hours and weeks, scored before they learn."""

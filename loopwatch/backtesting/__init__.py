"""What a change of the rules would have changed in the past."""

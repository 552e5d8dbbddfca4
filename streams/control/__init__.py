"""What people ask for while workers run, and what they are told of it."""

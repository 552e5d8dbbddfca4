"""Cases of a file that say who is to be told what, and when."""

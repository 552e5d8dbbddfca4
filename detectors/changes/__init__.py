"""Changes of a series: how a lasting one is seen, and what there is to say of it."""

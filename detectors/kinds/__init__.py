"""The kinds of rules: what each makes of a series' sessions, and says."""

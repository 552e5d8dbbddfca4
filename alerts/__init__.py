"""Decides who is told what and when, and tells them."""

"""The engine as it would be written without any thought of speed: the tests' oracle.

One object a rule and series, one session after the other, no arrays: what compiled
code must agree with, to the bit.
"""

"""The arithmetic of drift, compiled, on words in one memory.

What a partition knows lies in one array of 64-bit words, seen twice: ``f`` as floats
and ``i`` as integers. A piece of state is a run of words that begins at an index
``at``; each module says what its words mean. The functions allocate nothing and raise
nothing, and NaN stands for what is not known.
"""

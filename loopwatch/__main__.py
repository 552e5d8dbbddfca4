"""``python -m loopwatch``: the same as the console script."""

from loopwatch.cli import main

main()

"""`python -m scalefit.cli`."""

from . import main

main()

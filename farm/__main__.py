"""`python -m farm`: the command line without its script."""

from farm.cli.main import main

main()

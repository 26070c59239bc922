"""`python -m api.cli`: the command line where the console script is not on the path."""

from api.cli import main

main()

"""`python -m froude` is the command line."""

from froude.cli import main

if __name__ == "__main__":
    main()

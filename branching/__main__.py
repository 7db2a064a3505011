"""`python -m branching`."""

from branching.cli import main

if __name__ == "__main__":
    main()

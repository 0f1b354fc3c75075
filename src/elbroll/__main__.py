"""`python -m elbroll` is the same as the `elbroll` command."""

from elbroll.cli import main

if __name__ == "__main__":
    main()

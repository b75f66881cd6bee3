"""`python -m tidegate` and the `tidegate` command."""

from tidegate.cli.app import main

if __name__ == "__main__":
    main()

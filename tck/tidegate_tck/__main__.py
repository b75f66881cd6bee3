"""`python -m tidegate_tck PROFILE --home DIR --port N`."""

from tidegate_tck.node import main

if __name__ == "__main__":
    main()

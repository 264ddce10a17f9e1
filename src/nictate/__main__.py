"""``python -m nictate`` is the command ``nictate``."""

from nictate.cli import main

if __name__ == "__main__":
    main()

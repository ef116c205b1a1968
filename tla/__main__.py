"""Allows `python -m tla`, and with it `torchrun -m tla`."""

import sys

from tla.cli import main

if __name__ == "__main__":
    sys.exit(main())

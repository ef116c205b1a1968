"""Makes `python -m tla` and `torchrun -m tla` work."""

import sys

from tla.cli import main

if __name__ == "__main__":
    sys.exit(main())

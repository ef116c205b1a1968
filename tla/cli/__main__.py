"""Allows `python -m tla.cli`."""

import sys

from tla.cli import main

sys.exit(main())

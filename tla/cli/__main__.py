"""Makes `python -m tla.cli` work."""

import sys

from tla.cli import main

sys.exit(main())

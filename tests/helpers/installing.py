"""uv, with which tests install what is built."""

import os
import shutil
import sys
from pathlib import Path

import pytest

UV = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed")

"""`tla app`: the dashboard."""

import subprocess
import sys
from pathlib import Path

from tla.extras import require

USAGE = """\
usage: tla app [STREAMLIT OPTIONS]      open the dashboard; the same as: streamlit run app/streamlit_app.py
"""


def run(words: list[str]) -> int:
    """Run `tla app`."""
    if words and words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    page = Path(__file__).resolve().parents[2] / "app" / "streamlit_app.py"
    if not page.exists():
        raise FileNotFoundError(
            f"the dashboard is not at {page}; it comes with the source repository, not with the package"
        )
    require("streamlit", "the dashboard")
    return subprocess.call([sys.executable, "-m", "streamlit", "run", str(page), *words], cwd=page.parents[1])

"""Where dashboard and notebooks lie: beside the package in a checkout, inside it once it is installed from a wheel."""

from pathlib import Path

INSIDE = Path(__file__).parent / "installed"
BESIDE = Path(__file__).resolve().parents[1]


def part(name: str) -> Path:
    """The folder of a part.

    Args:
        name: "app" or "notebooks".

    Raises:
        FileNotFoundError: if the package was installed without it.
    """
    checkout = (BESIDE / "pyproject.toml").exists()
    folder = BESIDE / name if checkout else INSIDE / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is missing: tla was installed without it; install it again")
    return folder

"""Puts dashboard and notebooks, which lie beside the package in a checkout, inside it when a wheel is built."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = {"app": ("*.py", "*.css", "*.svg", "*.toml"), "notebooks": ("*.ipynb",)}
"""Folders, and the files of them that are installed as `tla/installed/FOLDER`."""


class BuildWithParts(build_py):
    """The usual build, and the parts."""

    def run(self) -> None:
        """Build."""
        super().run()
        if self.editable_mode:
            return
        root = Path(__file__).parent
        for folder, patterns in PARTS.items():
            for file in (found for pattern in patterns for found in (root / folder).rglob(pattern)):
                place = Path(self.build_lib) / "tla" / "installed" / file.relative_to(root)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)


setup(cmdclass={"build_py": BuildWithParts})

"""Who made the images of a study, and under which licence."""

from collections.abc import Mapping
from typing import Any

from tla.store import Store

CREDIT = "CREDIT.txt"
"""The file beside the images that says so."""


def write_credit(packed: Store, manifest: Mapping[str, Any]) -> list[str]:
    """Say beside the images where they come from, if their source says so; the files that were written.

    Args:
        packed: A study with images.
        manifest: Of the study that it is a copy of.
    """
    from tla.data import SOURCES

    name = str(manifest["study"]["source"]["name"])
    credit = SOURCES.get(name).credit if name in SOURCES.names() else ""
    if not credit:
        return []
    packed.write_text(CREDIT, f"{credit}\n")
    return [CREDIT]

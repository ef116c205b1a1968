"""The pages: each is one file that says what it is in its constant `PAGE`, so that a new page is one new file."""

import ast
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "pages_"
EXTRA = "TLA_PAGES"
"""Environment variable that may name one more folder of pages."""


@dataclass(frozen=True, kw_only=True)
class PageInfo:
    """The head of a page and its place in the menu.

    Args:
        title: Heading of the page.
        lead: The question that the page answers: one sentence below the heading.
        icon: Name of a Material symbol.
        menu: Name in the menu; the title by default.
        section: Section of the menu; "" for the top.
        order: Pages are listed by this number, sections by the lowest number in them.
        needs_study: False if the page works without a study.
    """

    title: str
    lead: str
    icon: str
    menu: str = ""
    section: str = ""
    order: int = 99
    needs_study: bool = True

    @property
    def name(self) -> str:
        """Name in the menu."""
        return self.menu or self.title


def find_pages() -> dict[Path, PageInfo]:
    """Every page by its file, in the order of the menu: those in `app/pages_`, then those in TLA_PAGES."""
    folders = [FOLDER, *map(Path, filter(None, [os.environ.get(EXTRA)]))]
    files = [file.resolve() for folder in folders for file in sorted(folder.glob("*.py"))]
    found = {file: read_page(file) for file in files}
    return dict(sorted(found.items(), key=lambda item: item[1].order))


def read_page(file: Path) -> PageInfo:
    """What a page's file says of itself, read without running it: the page may import what is slow to load.

    Raises:
        ValueError: unless the file has a line `PAGE = PageInfo(...)` whose arguments are literals.
    """
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _read(file: Path, modified: int) -> PageInfo:
    for line in ast.parse(file.read_text(encoding="utf-8")).body:
        match line:
            case ast.Assign(targets=[ast.Name(id="PAGE")], value=ast.Call(func=ast.Name(id="PageInfo")) as call):
                try:
                    return PageInfo(**{str(word.arg): ast.literal_eval(word.value) for word in call.keywords})
                except (TypeError, ValueError) as error:
                    raise ValueError(f"PAGE of {file} must be PageInfo(...) with literal arguments: {error}") from None
    raise ValueError(f"{file} must have a line PAGE = PageInfo(title=..., lead=..., icon=...), got none")

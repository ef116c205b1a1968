"""Draws the README's pictures of the explorer, in JupyterLab and as a saved file, and of the dashboard.

Needs Chromium and JupyterLab.

python docs/make_stills.py [--out docs/pictures]
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

CELLS = (
    'import tla\n\nex = tla.explore("mnist-robust", methods=["natural", "tla"])\nex',
    "eights = [int(i) for i, y in zip(ex.scene.ids, ex.scene.y) if y == 8]\nex.selection, ex.morph = eights[:40], 0.5",
)


def notebook_still(browser, folder: Path, file: Path) -> None:  # noqa: ANN001 (of playwright, which is optional)
    """The explorer in JupyterLab, with the eights selected and half of the way gone."""
    from jupyter import Lab, jupyter_lab, write_notebook

    write_notebook(folder / "explore.ipynb", CELLS)
    with jupyter_lab(folder) as address:
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        lab = Lab(page, address, "explore.ipynb")
        lab.run(0)
        page.wait_for_selector(".map canvas")
        lab.run(1)
        page.locator(".map").first.scroll_into_view_if_needed()
        page.wait_for_timeout(4000)
        page.screenshot(path=file)
        page.close()


def file_still(browser, folder: Path, file: Path) -> None:  # noqa: ANN001 (as above)
    """The saved page, opened without a network."""
    from browser import opened

    import tla

    tla.explore("mnist-robust").save(folder / "explorer.html")
    with opened(browser, (folder / "explorer.html").as_uri(), viewport={"width": 1300, "height": 1300}) as page:
        page.wait_for_timeout(1500)
        page.screenshot(path=file)


def dashboard_stills(browser, folder: Path, out: Path) -> None:  # noqa: ANN001 (as above)
    """The first screen with its slider at the study's eps, the maps of the shift, and the playground."""
    from served import served, settled

    with served(folder) as address:
        for path, file in (("", "first_screen"), ("shift", "dashboard"), ("playground", "playground")):
            page = browser.new_page(viewport={"width": 1300, "height": 880})
            page.goto(f"{address}/{path}")
            settled(page)
            if not path:
                for _ in range(6):
                    page.locator(".st-key-tour_radii").get_by_role("slider").press("ArrowRight")
                page.get_by_role("heading", level=1).click()
            page.mouse.move(2, 2)
            page.wait_for_timeout(1500)
            page.screenshot(path=out / f"{file}.png")
            page.close()


def main() -> None:
    """Draw all of them."""
    from browser import chromium

    parser = argparse.ArgumentParser(description="Draws the README's pictures of explorer and dashboard.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    out = parser.parse_args().out
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        dashboard_stills(browser, Path(folder), out)
        notebook_still(browser, Path(folder), out / "explorer_notebook.png")
        file_still(browser, Path(folder), out / "explorer_file.png")


if __name__ == "__main__":
    main()

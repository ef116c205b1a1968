"""Runs notebooks and stores their outputs: `python notebooks/regenerate.py [NAME...]`.

A cell whose outputs agree with the stored ones within nbcompare's tolerances keeps those, so that diffs are small.
Figures are stored as data for JupyterLab and as PNG for everything else.
"""

import argparse
import base64
import os
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbcompare import compare_outputs
from nbcompare.camera import Camera, NoChromeError
from nbcompare.outputs import PLOTLY

HERE = Path(__file__).resolve().parent
KERNEL = {"PLOTLY_RENDERER": "plotly_mimetype", "OMP_NUM_THREADS": "1"}
"""Environment of the kernels: figures as data only, and one thread, which is enough for networks this small and gives
the same sums on any number of cores."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebooks(names: list[str]) -> list[Path]:
    """The notebooks with the given names; without names, all.

    Args:
        names: Prefixes of file names: "02", "02_shift", "02_shift_one_class.ipynb".

    Raises:
        SystemExit: for a name that matches no notebook; lists those there are.
    """
    known = sorted(HERE.glob("[0-9]*.ipynb"))
    chosen = [path for path in known if not names or any(path.name.startswith(Path(n).name) for n in names)]
    for name in names:
        if not any(path.name.startswith(Path(name).name) for path in known):
            raise SystemExit(f"no notebook starts with {name!r}; there are: {', '.join(p.stem for p in known)}")
    return chosen


def execute(notebook: Any) -> None:
    """Run every cell in a fresh kernel; the outputs are stored in `notebook`.

    Raises:
        CellExecutionError: if a cell fails.
    """
    os.environ.update(KERNEL)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()


def add_pictures(notebook: Any, camera: Camera) -> int:
    """Add a PNG to every Plotly figure; returns how many.

    Raises:
        NoChromeError: if there is no Chrome to render with.
    """
    count = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if PLOTLY in output.get("data", {}):
                png = camera.png(output["data"][PLOTLY])
                output["data"]["image/png"] = base64.b64encode(png).decode()
                count += 1
    return count


def restore_unchanged(old: Any, new: Any) -> int:
    """Restore the stored outputs of cells that agree within the tolerances; returns how many cells changed."""
    changed = 0
    stored = {cell.source: cell.outputs for cell in old.cells if cell.cell_type == "code"}
    for cell in new.cells:
        if cell.cell_type != "code":
            continue
        before = stored.get(cell.source)
        if before is not None and _complete(before) and not compare_outputs(before, cell.outputs):
            cell.outputs = before
        else:
            changed += 1
    return changed


def regenerate(path: Path, camera: Camera) -> str:
    """Run and store one notebook; returns a summary line.

    Raises:
        CellExecutionError: if a cell fails; the file is left as it was.
    """
    started = time.perf_counter()
    old = nbformat.read(path, as_version=4)
    new = nbformat.read(path, as_version=4)
    execute(new)
    pictures = add_pictures(new, camera)
    changed = restore_unchanged(old, new)
    new.metadata = nbformat.from_dict(METADATA)
    nbformat.validate(new)
    temporary = path.with_suffix(".ipynb.new")
    temporary.write_text(nbformat.writes(new) + "\n", encoding="utf-8")
    temporary.replace(path)
    size = path.stat().st_size / 1000
    seconds = time.perf_counter() - started
    return f"{path.name}: {pictures} figures, {changed} cells changed, {size:.0f} kB, {seconds:.0f} s"


def main() -> int:
    """Regenerate the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description="Run notebooks and store their outputs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help='prefix of a notebook\'s name: "02"; default: all')
    failed = 0
    with Camera() as camera:
        for path in notebooks(parser.parse_args().names):
            try:
                sys.stdout.write(regenerate(path, camera) + "\n")
            except (CellExecutionError, NoChromeError) as error:
                sys.stderr.write(f"{path.name}: {error}\n")
                failed = 1
    return failed


def _complete(outputs: list[Any]) -> bool:
    """True if every figure has its picture."""
    return all("image/png" in out.data for out in outputs if PLOTLY in out.get("data", {}))


if __name__ == "__main__":
    raise SystemExit(main())

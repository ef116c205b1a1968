"""`tla notebooks`: copies of the notebooks."""

import shutil
from pathlib import Path

from tla.parts import part

USAGE = """\
usage: tla notebooks [FOLDER]
copy the notebooks, one per figure, to FOLDER (default: notebooks), to run and to change; files that are there stay

then: jupyter lab FOLDER       needs: pip install 'jupyterlab>=4.2' 'ipykernel>=6.29' 'anywidget>=0.9' 'kaleido>=1.0'
"""


def run(words: list[str]) -> int:
    """Run `tla notebooks`."""
    if words and words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if len(words) > 1 or (words and words[0].startswith("-")):
        raise ValueError(f"tla notebooks takes one folder, got {' '.join(words)}")
    folder = Path(words[0] if words else "notebooks")
    source = part("notebooks")
    if folder.resolve() == source.resolve():
        raise ValueError(f"{folder} holds the notebooks themselves; name another folder for copies")
    if folder.is_file():
        raise ValueError(f"{folder} is a file; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for file in sorted(source.glob("*.ipynb")):
        place = folder / file.name
        if place.exists():
            kept.append(file.name)
        else:
            shutil.copyfile(file, place)
            print(place)
    if kept:
        print(f"there already, left as they are: {', '.join(kept)}")
    print(f"now: jupyter lab {folder}")
    return 0

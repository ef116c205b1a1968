"""`tla fill STUDY`: the images of a study that came without."""

from pathlib import Path

from tla.cli.pack_verb import megabytes
from tla.study.locate import open_study, own_studies

USAGE = """\
usage: tla fill STUDY [FOLDER] [--data DATA]

Copies a study that was packed without images, with its images from the data set (a download, or a folder of data sets
that TLA_DATA or --data names, or --data folder:PATH for class folders) and the attacked ones made from them.
FOLDER: by default studies/STUDY, which then hides the study that ships.   STUDY: a study folder, or the name of a study
"""


def run(words: list[str]) -> int:
    """Run `tla fill`."""
    data = None
    if "--data" in words[:-1]:
        place = words.index("--data")
        data, words = words[place + 1], words[:place] + words[place + 2 :]
    if not 1 <= len(words) <= 2 or any(word.startswith("-") for word in words):
        print(USAGE)
        return 0 if {"-h", "--help"} & set(words) else 2
    store = open_study(words[0])
    from tla.progress import ProgressBar
    from tla.study.bare import fill

    folder = Path(words[1]) if len(words) == 2 else own_studies() / store.path.name
    with ProgressBar() as bar:
        copy = fill(store, folder, data=data, progress=bar)
    print(f"Filled: {copy.path.resolve()} ({megabytes(copy.path):.1f} MB)")
    return 0

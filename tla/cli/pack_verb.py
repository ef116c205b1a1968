"""`tla pack STUDY FOLDER`: a copy of a study for sharing."""

from pathlib import Path

from tla.study.locate import open_study

USAGE = """\
usage: tla pack STUDY FOLDER                copy a finished study without what is only needed to resume it
       tla pack STUDY FOLDER --no-images    without any picture, for images that may not be passed on; who has them
                                            fills them in again: tla fill FOLDER
       tla pack STUDY FOLDER --tables       only its tables, for figures without images
       tla pack STUDY --weights             add its models to the weights that ship (tla.load)

STUDY: a study folder, or the name of one under studies/
"""


def run(words: list[str]) -> int:
    """Run `tla pack`."""
    tables_only, images = "--tables" in words, "--no-images" not in words
    words = [word for word in words if word not in ("--tables", "--no-images")]
    if len(words) != 2 or {"-h", "--help"} & set(words):
        print(USAGE)
        return 0 if {"-h", "--help"} & set(words) else 2
    store = open_study(words[0])
    from tla.progress import ProgressBar
    from tla.study.pack import pack, pack_weights

    if words[1] == "--weights":
        for file in pack_weights(store):
            print(f"Weights: {file} ({file.stat().st_size / 1e6:.2f} MB)")
        return 0
    with ProgressBar() as bar:
        packed = pack(store, Path(words[1]), tables_only=tables_only, images=images, progress=bar)
    print(f"Packed: {packed.path.resolve()} ({megabytes(packed.path):.1f} MB)")
    return 0


def megabytes(folder: Path) -> float:
    """Size of all files of a folder, in MB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6

"""`tla pack STUDY FOLDER`: a copy of a study for sharing."""

from pathlib import Path

from tla.study.locate import open_study

USAGE = """\
usage: tla pack STUDY FOLDER             copy a finished study without what is only needed to resume it
       tla pack STUDY FOLDER --tables    only its tables, for figures without images
       tla pack STUDY --weights          add its models to the weights that ship (tla.load)

STUDY: a study folder, or the name of one under studies/
"""


def run(words: list[str]) -> int:
    """Run `tla pack`."""
    tables_only = "--tables" in words
    words = [word for word in words if word != "--tables"]
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
        packed = pack(store, Path(words[1]), tables_only=tables_only, progress=bar)
    size = sum(file.stat().st_size for file in packed.path.rglob("*") if file.is_file())
    print(f"Packed: {packed.path.resolve()} ({size / 1e6:.1f} MB)")
    return 0

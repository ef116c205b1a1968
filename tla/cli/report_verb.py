"""`tla report STUDY`: rebuilds the report."""

from tla.study.locate import open_study

USAGE = """\
usage: tla report STUDY

Rebuilds the report.html of a study from its tables.   STUDY: a study folder, or the name of one under studies/
"""


def run(words: list[str]) -> int:
    """Run `tla report`."""
    if len(words) != 1 or words[0].startswith("-"):
        print(USAGE)
        return 0 if words and words[0] in ("-h", "--help") else 2
    store = open_study(words[0])
    store.check_all(but=("report.html",))
    from tla.plots.report import write_report
    from tla.progress import ProgressBar

    with ProgressBar() as bar:
        path = write_report(store, progress=bar)
    entry = store.manifest()["steps"].get("report")
    if entry is not None:
        store.finish("report", entry["digest"], [path.name], entry.get("facts"))
    print(f"Report: {path.resolve()}")
    return 0

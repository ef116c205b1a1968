"""A study whose every name is markup: what a page shows of it must stay text."""

import json
import shutil
from pathlib import Path

from tla.store import Store
from tla.study.locate import shipped_studies

SCRIPT = '<img src=x onerror="document.title=1">'
"""Runs in a browser wherever it is put into a page without being escaped."""

FORMULA = "=cmd|' /C calc'!A0"
"""Runs in a spreadsheet."""


def hostile_study(folder: Path) -> Store:
    """A copy of the shipped digits in which classes, methods, attacks, hardware, versions and data are markup."""
    shutil.copytree(shipped_studies() / "digits", folder)
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    bad = f"{SCRIPT}</script>{SCRIPT}"
    manifest["hardware"] = {"device": bad, "threads": bad, "system": bad}
    manifest["versions"] = {bad: bad, "tla": bad}
    manifest["data"] |= {"name": bad, "classes": [f"{i}{bad}" for i in range(10)]}
    manifest["study"] |= {"name": bad, "caption": bad, "methods": [bad, *manifest["study"]["methods"][1:]]}
    manifest["fairness"] = {"fair": False, "reasons": [bad]}
    first = "natural"
    store = Store(folder)
    for name in store.tables():
        frame = store.table(name)
        for column in ("method", "source", "target"):
            if column in frame:
                frame[column] = frame[column].astype(object).where(frame[column] != first, bad)
        for column in ("evidence", "advice", "check", "detector"):
            if column in frame:
                frame.loc[frame.index[:1], column] = bad
        if "attack" in frame:
            frame["attack"] = frame["attack"].astype(object).where(frame["attack"] != "fgsm", bad)
        store.write_table(name, frame)
    for step in manifest["steps"].values():
        step["files"], step["facts"] = {}, step.get("facts") or {}
    manifest["steps"][bad] = {"digest": bad, "files": {}, "facts": {"seconds": 1.0}}
    file.write_text(json.dumps(manifest))
    (folder / "study.toml").write_text(f'name = "{SCRIPT}"')
    return store

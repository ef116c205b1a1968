"""Kills at any moment: a study resumes to the same numbers, and an earlier pack is never lost."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tally import Tally, command

from tla.files import ORPHAN
from tla.store import DamagedFileError, Store
from tla.study.locate import shipped_studies

RECIPE = """
base = "digits"
name = "killed"
methods = ["natural", "at"]
[train]
epochs = 2
batch = 128
holdout = 100
[attack]
examples = 40
batch = 20
detection_eps = [0.2]
suite = {fgsm = "fgsm", pgd = {name = "pgd", steps = 3}}
[analysis]
gallery = 200
map_points = 20
trajectories = 4
projection = "pca"
audit = false
"""
IN_A_ROW = 8
"""Kills of one study before it is run to its end and compared."""


def campaign(tries: int, seed: int) -> Tally:
    """SIGKILL and SIGTERM while a study runs, over all of its steps; every fourth try while a pack is written."""
    rng, tally = random.Random(seed), Tally("kills", seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "killed.toml").write_text(RECIPE)
        started = time.monotonic()
        assert _study(folder, "whole").wait() == 0
        seconds, expected = time.monotonic() - started, _numbers(Store(folder / "whole"))
        packs, kills = tries // 4, tries - tries // 4
        for number in range(-(-kills // IN_A_ROW)):
            _killed_study(
                tally, rng, folder, f"try{number}", min(IN_A_ROW, kills - number * IN_A_ROW), seconds, expected
            )
        _killed_packs(tally, rng, folder, packs)
    return tally


def _study(folder: Path, name: str) -> subprocess.Popen[bytes]:
    words = ["study", str(folder / "killed.toml"), "--out", str(folder / name)]
    return _tla(words)


def _tla(words: list[str]) -> subprocess.Popen[bytes]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "tla", *words], **quiet, env=os.environ | {"OMP_NUM_THREADS": "1"})


def _numbers(store: Store) -> dict[str, object]:
    """Every table and array of a study, without what is measured in seconds."""
    found: dict[str, object] = {}
    for name in store.tables():
        frame = store.table(name)
        found[name] = frame.drop(columns=["seconds", "images_per_second"], errors="ignore").to_csv()
    for file in sorted(store.path.glob("arrays/**/*.safetensors")):
        name = str(file.relative_to(store.path / "arrays")).removesuffix(".safetensors")
        found[name] = {key: array.tobytes() for key, array in store.arrays(name).items()}
    return found


def _killed_study(
    tally: Tally, rng: random.Random, folder: Path, name: str, kills: int, seconds: float, expected: dict[str, object]
) -> None:
    outcomes: list[str] = []
    store = Store(folder / name)
    for _ in range(kills):
        before = set(store.manifest()["steps"])
        process = _study(folder, name)
        time.sleep(rng.uniform(0.2, 0.7) * seconds)
        process.send_signal(rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
        process.wait()
        try:
            lost = before - set(store.manifest()["steps"])
            outcomes.append("lost" if lost or store.changed() else "held")
        except DamagedFileError:
            outcomes.append("lost")
    status = _study(folder, name).wait()
    same = status == 0 and _numbers(store) == expected
    orphans = [file for file in store.path.rglob(".*") if ORPHAN.fullmatch(file.name)]
    log = all(len(file.read_text().splitlines()) == 2 for file in store.path.glob("models/*/log.jsonl"))
    for outcome in outcomes:
        bad = "lost" if status else "silently wrong" if not same or orphans or not log else "held"
        tally.add(outcome if outcome != "held" else bad, (name, status, orphans, log))


def _killed_packs(tally: Tally, rng: random.Random, folder: Path, tries: int) -> None:
    words = ["pack", str(shipped_studies() / "digits"), str(folder / "pack")]
    started = time.monotonic()
    assert _tla(words).wait() == 0
    seconds = time.monotonic() - started
    for _ in range(tries):
        process = _tla(words)
        time.sleep(rng.uniform(0.3, 1) * seconds)
        process.kill()
        process.wait()
        try:
            store = Store(folder / "pack")
            if not store.path.exists():  # between two renames: the next call moves it back
                store = Store(folder / ".pack.replaced")
            store.check_all()
            tally.add("held" if store.manifest().get("packed") else "lost", "pack")
        except DamagedFileError as error:
            tally.add("lost", error)


if __name__ == "__main__":
    command("kills", campaign, 200)

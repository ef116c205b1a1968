"""What a visitor may do: one study at a time and only that, bounded attacks, no names that lead elsewhere."""

import subprocess
import sys
import tomllib
import zlib
from pathlib import Path

import numpy as np
import pytest
from board import running
from board.film import fit_image
from board.live import check_length
from board.running import Runs
from dashboard import open_page
from ports import free_port

from tla.attacks import ATTACKS
from tla.store import DamagedFileError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def runs(monkeypatch):
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(running, "command", lambda recipe, folder, words=(): sleeping)
    runs = Runs(most=2)
    yield runs
    runs.stop_all()


def test_a_visitor_starts_one_study_and_stops_only_that(runs, tmp_path, monkeypatch):
    here = {"anna", "ben"}
    monkeypatch.setattr(running, "is_here", lambda session: session in here)
    one, two, three = (tmp_path / name for name in "123")
    runs.start("digits", one, "anna")
    runs.start("digits", two, "anna")
    runs.start("digits", three, "ben")
    assert set(runs.processes) == {one, three}
    assert (runs.of("anna"), runs.of("ben"), runs.of("cleo")) == (one, three, None)
    runs.stop(one, "ben")
    assert runs.running(one), "another visitor's study was stopped"
    runs.stop(one, "anna")
    assert not runs.running(one)
    here.remove("ben")
    runs.stop(three, "anna")
    assert not runs.running(three), "nobody could stop the study of a visitor who has gone"


def test_a_study_ends_with_the_dashboard(tmp_path):
    """Also where the dashboard is killed: what it started watches it."""
    child = "import time; from tla.cli.ending import ended; ended('study', lambda: time.sleep(60))"
    parent = (
        "import os, subprocess, sys, time; from tla.cli.ending import ENDS_WITH;"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], env=os.environ | {{ENDS_WITH: str(os.getpid())}},"
        "stderr=subprocess.DEVNULL); print(p.pid, flush=True); time.sleep(60)"
    )
    dashboard = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    with dashboard:
        started = int(dashboard.stdout.readline())
        dashboard.kill()
    running_still = Path(f"/proc/{started}/status")
    for _ in range(200):
        if not running_still.exists() or "State:\tZ" in running_still.read_text():
            return
        subprocess.run(["sleep", "0.1"], check=True)
    raise AssertionError("the study runs on without its dashboard")


@pytest.mark.parametrize(
    ("name", "settings", "long"),
    [
        ("pgd", {"steps": 100}, False),
        ("pgd", {"steps": 5000, "restarts": 10}, True),
        ("square", {"queries": 5000}, False),
        ("square", {"queries": 5000, "restarts": 5}, True),
        ("hopskipjump", {}, False),
        ("hopskipjump", {"steps": 500, "most_samples": 10000}, True),
        ("ensemble", {}, False),
    ],
)
def test_live_attacks_are_bounded(name, settings, long):
    attack = ATTACKS.build(name, **settings)
    if not long:
        return check_length(attack)
    with pytest.raises(ValueError, match="lower its steps or restarts, or run `tla attack`, which has no bound"):
        check_length(attack)
    return None


@pytest.mark.parametrize("attack", ["square", "hopskipjump", "autoattack", "apgd"])
def test_the_form_takes_the_defaults_of_every_attack(studies, attack, monkeypatch):
    monkeypatch.setattr("board.live.run_attack", lambda *words: (_ for _ in ()).throw(ValueError("not run")))
    page = open_page("attack", attack=attack)
    assert not page.exception


def png(width, height):
    """A PNG of one colour that is small whatever its size."""
    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)), 9)

    def chunk(kind, content):
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_pixels_are_counted_before_they_are_decoded():
    assert fit_image(png(40, 30), (1, 8, 8)).shape == (1, 8, 8)
    with pytest.raises(ValueError, match=r"This image has 13,300 x 13,300 pixels, more than 40,000,000: make it smal"):
        fit_image(png(13300, 13300), (1, 8, 8))
    whole = png(40, 30)
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        try:
            assert fit_image(bytes(broken), (3, 8, 8)).shape == (3, 8, 8)
        except ValueError as error:
            said = str(error)
        else:
            said = "This file is not"
        assert said.startswith("This file is not"), said


def test_a_model_that_is_not_the_studys_is_refused(studies):
    from board import live
    from board.studies import open_study

    view = open_study("made", studies / "made")
    file = view.path / "models" / "at-seed0" / "model.safetensors"
    name = str(file.relative_to(view.path))
    before, content = view.store.manifest(), file.read_bytes()
    try:
        view.store.finish("train/at-seed0", "0", [name])
        live.probabilities(view, "at", 0, _picture(view))
        file.write_bytes((view.path / "models" / "tla-seed0" / "model.safetensors").read_bytes())
        with pytest.raises(DamagedFileError, match="is not the file that this study wrote"):
            live.probabilities(view, "at", 0, _picture(view))
    finally:
        file.write_bytes(content)
        view.store.write_json("manifest.json", before)


def _picture(view):
    return view.arrays("images")["test"][0].astype(np.float32) / 255


def test_the_dashboard_listens_on_this_machine_only():
    """Its configuration lies beside the script, where streamlit reads it wherever it is started."""
    config = tomllib.loads((ROOT / "app" / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app/streamlit_app.py"), "--server.port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
    try:
        shown = ""
        while "URL" not in shown:
            line = process.stdout.readline()
            assert line, shown
            shown += line
        assert "http://127.0.0.1" in shown
        local = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        assert f"0100007F:{port:04X}" in local
        assert f"00000000:{port:04X}" not in local
    finally:
        process.terminate()
        process.communicate(timeout=30)

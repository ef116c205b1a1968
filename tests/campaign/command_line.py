"""Odd command lines: every one ends with an exit status and, unless it worked, a sentence."""

import contextlib
import io
import os
import random
import tempfile
from pathlib import Path

from tally import Tally, command

from tla.cli import main
from tla.plots import FIGURES
from tla.plots.drawing.options import settings_of

WORDS = (
    "digits",
    "at",
    "tla",
    "zzz",
    "",
    "0",
    "-1",
    "1e400",
    "nan",
    "inf",
    "3.7",
    "true",
    "at,tla",
    "[1,2]",
    "{a=1}",
    "\0",
    "é",
    "1180591620717411303424",
    "../..",
    "/dev/null",
    "digits:at",
    "digits:zzz",
    "mnist/tla",
    "--help",
    "--seeds",
    "--eps",
    "--out",
    "--set",
    "pgd.steps=x",
    "pgd.zzz=1",
    "=",
    ".",
    "torchvision:zzz",
    "os:getcwd",
    "folder:/tmp/none",
)
OPTIONS = (
    "--eps",
    "--norm",
    "--examples",
    "--batch",
    "--seed",
    "--attacks",
    "--data",
    "--precision",
    "--set",
    "--weights",
)
TOML = (
    "base = {v}",
    "base = 'digits'\nseeds = {v}",
    "base = 'digits'\n[attack]\neps = {v}",
    "base = 'digits'\n[train]\nepochs = {v}",
    "base = 'digits'\nmethods = {v}",
    "base = 'digits'\n[analysis]\ngallery = {v}",
    "base = 'digits'\nname = {v}",
    "base = 'digits'\n[method.tla]\nalpha = {v}",
    "base = 'digits'\n[attack.suite]\npgd = {v}",
    "base = 'digits'\nsource = {v}",
    "base = 'digits'\nmodel = {v}",
    "{v}",
    "base = 'digits'\n[attack]\nnorm = {v}",
    "base = 'digits'\n[train]\nlearning_rate = {v}",
)
VALUES = (
    "-1",
    "nan",
    "inf",
    "1180591620717411303424",
    "'x'",
    "['digits']",
    "{a = 1}",
    "true",
    "[]",
    "''",
    "1e300",
    "[[1]]",
    "'../x'",
    "1979-05-27",
    "[" * 2000 + "]" * 2000,
)


def campaign(tries: int, seed: int) -> Tally:
    """Figures with odd options, recipes of wrong types, models and attacks of odd names."""
    rng, tally, here = random.Random(seed), Tally("command line", seed), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for _ in range(tries):
                words, output = rng.choice((_figure, _figure, _recipe, _attack, _any))(rng, Path(folder))
                _try(tally, words, output)
        finally:
            os.chdir(here)
    return tally


def _try(tally: Tally, words: list[str], output: Path | None) -> None:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = main(words)
        except BaseException as error:
            tally.add("traceback", (words, repr(error)))
            return
    text = said.getvalue()
    if status == 70 or "Traceback" in text:
        tally.add("traceback", (words, text[-300:]))
    elif status not in (0, 1, 2, 3):
        tally.add("silently wrong", (words, status))
    elif output is not None and status != 0 and output.exists():
        tally.add("silently wrong", (words, "a file was written"))
    elif status == 1 and not text.startswith("tla"):
        tally.add("silently wrong", (words, "no sentence"))
    else:
        tally.add("held")
    if output is not None:
        output.unlink(missing_ok=True)


def _figure(rng: random.Random, folder: Path) -> tuple[list[str], Path]:
    name, output = rng.choice(FIGURES.names()), folder / "figure.json"
    options = [*settings_of(FIGURES.get(name)), "look", "zzz"]
    chosen = [f"{rng.choice(options)}={rng.choice(WORDS)}" for _ in range(rng.choice((1, 1, 2)))]
    return ["figure", name, "digits", "--out", str(output), "--set", *chosen], output


def _recipe(rng: random.Random, folder: Path) -> tuple[list[str], None]:
    """A recipe that cannot work, or (with --help) one that is only read."""
    file = folder / "odd.toml"
    file.write_text(rng.choice(TOML).format(v=rng.choice(VALUES)))
    return ["study", str(file), "--out", str(folder / "study"), "--methods", "zzz"], None


def _attack(rng: random.Random, folder: Path) -> tuple[list[str], None]:
    words = ["attack", rng.choice(("digits:at", "digits/at", *WORDS)), "--examples", "2", "--attacks", "fgsm"]
    for _ in range(rng.choice((1, 2))):
        words += [rng.choice(OPTIONS), rng.choice(WORDS)]
    return [*words, "--out", str(folder / f"out{rng.random()}")], None


def _any(rng: random.Random, folder: Path) -> tuple[list[str], None]:
    verb = rng.choice(("figure", "report", "pack", "list", "attack", "audit", "sweep", "study", "zzz", "--version"))
    words = [rng.choice(WORDS) for _ in range(rng.choice((0, 1, 2, 3)))]
    if verb in ("study", "sweep", "audit", "report") and "digits" in words[:1]:
        words.append("--zzz")  # nothing is trained, and nothing that ships is written
    return [verb, *words], None


if __name__ == "__main__":
    command("command line", campaign, 1000)

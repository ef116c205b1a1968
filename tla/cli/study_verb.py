"""`tla study RECIPE`: the main job."""

import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tla.registry import did_you_mean

USAGE = """\
usage: tla study RECIPE [--out FOLDER] [--data FOLDER] [--force] [--any.setting VALUE ...]

Trains the recipe's methods on its data set, attacks every model, embeds clean and adversarial images, measures the
shift, detection and retrieval, and writes one self-contained report.html.
What is finished is skipped; what was cut off goes on.

  tla study digits                                   six methods on the digits that ship (about two minutes)
  tla study mnist --methods at tla                   MNIST, downloaded or found under TLA_DATA
  tla study cifar10 --seeds 0 1 2                    several seeds give intervals
  tla study folder:PATH                              any folder of class folders
  tla study my.toml --attack.eps 0.1                 your own recipe; any value can be overridden

RECIPE           {recipes}, a file.toml, or folder:PATH
--out FOLDER     the study folder; studies/<name> by default
--data FOLDER    where data sets lie or are downloaded to; by default the variable TLA_DATA, else ~/.cache/tla
--model NAME     another backbone than the recipe's, with its own defaults
--source NAME    another data set than the recipe's
--force          begin anew: forget what the manifest says is finished
--help           with a RECIPE: every setting, its meaning and its value in that recipe
"""


def run(words: list[str]) -> int:
    """Run `tla study`."""
    from tla.study import recipes

    if not words or (words[0] in ("-h", "--help") and len(words) == 1):
        print(USAGE.format(recipes=", ".join(recipes.shipped())))
        return 0 if words else 2
    if words[0].startswith("-"):
        raise ValueError(f"the recipe comes first: tla study digits {' '.join(words)}")
    values = recipes.read(words[0])
    options, rest = _own_options(words[1:])
    values = _replaced(values, options)
    if "--help" not in rest and "-h" not in rest and not options["--force"]:
        done = _already_done(_folder(options, values, rest), _request(values, rest))
        if done is not None:
            print(done)
            return 0
    return _run(values, options, rest)


def _own_options(words: list[str]) -> tuple[dict[str, str | None], list[str]]:
    options: dict[str, str | None] = dict.fromkeys(("--out", "--data", "--model", "--source", "--force"))
    rest: list[str] = []
    queue = list(words)
    while queue:
        word, _, value = queue[0].partition("=")
        if word not in options:
            rest.append(queue.pop(0))
            continue
        queue.pop(0)
        if word == "--force":
            options[word] = "yes"
        elif value or queue:
            options[word] = value or queue.pop(0)
        else:
            raise ValueError(f"{word} needs a value")
    return options, rest


def _replaced(values: dict[str, Any], options: dict[str, str | None]) -> dict[str, Any]:
    if options["--model"]:
        values = values | {"model": {"name": options["--model"]}}
    source = options["--source"]
    if source:
        path = {"name": "folder", "path": source.removeprefix("folder:")}
        values = values | {"source": path if source.startswith("folder:") else {"name": source}}
    return values


def _folder(options: dict[str, str | None], values: dict[str, Any], rest: list[str]) -> Path:
    name = rest[rest.index("--name") + 1] if "--name" in rest[:-1] else values.get("name", "study")
    return Path(options["--out"] or Path("studies") / str(name))


def _request(values: dict[str, Any], rest: list[str]) -> str:
    """A fingerprint of what was asked for, cheap enough to know without torch that it was done."""
    text = json.dumps([version("tla"), values, rest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _already_done(folder: Path, request: str) -> str | None:
    file = folder / "manifest.json"
    if not file.exists():
        return None
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        complete = manifest.get("complete") == request
        files = {name: facts for step in manifest["steps"].values() for name, facts in step["files"].items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        return None  # the full run says what is wrong with the manifest
    for name, facts in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != facts["bytes"]:
            return None
    if not complete:
        return None
    steps = len(manifest["steps"])
    return f"Nothing to do: all {steps} steps of this study are finished.\nReport: {(folder / 'report.html').resolve()}"


def _run(values: dict[str, Any], options: dict[str, str | None], rest: list[str]) -> int:
    # Fooled images leave the batch, so that shapes keep changing: oneDNN would keep a kernel for each of a thousand.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    from rich.console import Console

    from tla.cli.progress import watching
    from tla.study import run_study, study_from

    study = _overridden(study_from(values), rest)
    folder = _folder(options, values, rest)
    data = Path(options["--data"]) if options["--data"] else None
    console = Console(stderr=False)
    with watching(console) as watch:
        store = run_study(
            study, folder, data_root=data, watch=watch, request=_request(values, rest), anew=bool(options["--force"])
        )
    from tla.cli.tables import paired_summary, study_summary

    console.print(study_summary(store))
    pairs = paired_summary(store)
    if pairs is not None:
        console.print(pairs)
    console.print(f"Report: [bold]{(folder / 'report.html').resolve()}[/]", soft_wrap=True)
    return 0


def _overridden(study: Any, rest: list[str]) -> Any:
    """The study with the settings of the command line; tyro knows the recipe's values as defaults."""
    import tyro

    from tla.study import Study

    if not rest:
        return study
    known = _settings(study)
    for word in rest:
        name = word.split("=")[0].removeprefix("--")
        setting = name.replace(".no-", ".").replace("-", "_")
        if word.startswith("--") and name != "help" and not {name, setting} & known:
            raise ValueError(f"unknown setting {word.split('=')[0]}; {did_you_mean(name, known)}"[:600])
    return tyro.cli(
        Study,
        default=study,
        args=rest,
        prog="tla study RECIPE",
        config=(tyro.conf.AvoidSubcommands,),
    )


def _settings(value: Any, prefix: str = "") -> set[str]:
    import dataclasses

    found: set[str] = set()
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        name = prefix + field.name
        found.add(name)
        if dataclasses.is_dataclass(item):
            found |= _settings(item, name + ".")
        elif isinstance(item, dict):
            for key, inner in item.items():
                found |= _settings(inner, f"{name}.{key}.") if dataclasses.is_dataclass(inner) else {f"{name}.{key}"}
                if isinstance(inner, dict):
                    found |= {f"{name}.{key}.{setting}" for setting in inner}
    return found


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

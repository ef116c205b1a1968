"""`tla study RECIPE`: the main job."""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tla.cli.settings import (
    overridden,
    refuse_backbone,
    verb_options,
    with_given,
    with_method_settings,
    with_model_and_source,
)
from tla.extras import versions
from tla.store import Store

if TYPE_CHECKING:
    from tla.study.config import Study
    from tla.study.workers import Workers

USAGE = """\
usage: tla study RECIPE [--out FOLDER] [--data FOLDER] [--force] [--any.setting VALUE ...]

Trains the recipe's methods on its data set, attacks every model, embeds clean and adversarial images, measures the
shift, detection and retrieval, and writes one self-contained report.html.
Finished steps are skipped; interrupted ones resume.

  tla study digits                                   six methods on the digits that ship (about two minutes)
  tla study mnist --methods at tla                   MNIST, downloaded or found under TLA_DATA
  tla study cifar10 --seeds 0 1 2                    several seeds give intervals
  tla study digits --methods tla tla@alpha=0.1        a method and a variant of it
  tla study folder:PATH                              any folder of class folders
  tla study folder:PATH --given mine=mypkg:make      your own model instead of trained ones (several, too)
  tla study digits --methods tla --given mine=net.onnx   your own model next to trained ones
  tla study embeddings:FOLDER                        no model at all: test.npy and blur.npy, attacked.npy, ...
  tla study my.toml --attack.eps 0.1                 your own recipe; any value can be overridden
  tla study folder:PATH --start mine=best.pth@net.py:Net --methods at tla   make your network robust

RECIPE           {recipes}, a file.toml, or your own images: folder:PATH,
                 csv:FILE, npz:FILE, mypkg.data:make, torchvision:NAME; settings as in folder:PATH@resize=64,channels=1;
                 or embeddings:FOLDER
--out FOLDER     the study folder; studies/<name> by default
--data FOLDER    where data sets are or are downloaded to; by default the variable TLA_DATA, else ~/.cache/tla
--model NAME     use another backbone, with its own defaults
--source NAME    use another data set
--eps 8/255      radius of the threat; short for --attack.eps, as --norm and --examples are for theirs
--given N=MODEL  models that exist already, by the names they should have; without --methods nothing is trained.
                 MODEL as for tla attack; --head, --mean, --std, --channels, --resize and --weights say how to call it
--start N=MODEL  train every method from these weights and this network; as --given. It is compared too (--no-before)
--device NAME    auto (the first GPU if there is one), cpu, cuda, cuda:1 or mps; or the variable TLA_DEVICE
--workers N      train and attack models side by side, each on its share of the cores; auto: as many as pay
--scheduler ADDR the same on the workers of a Dask scheduler, tcp://HOST:8786, on Slurm, Kubernetes or by ssh
--force          start again: run every step, finished or not
--help           with a RECIPE: every setting, its meaning and its value in that recipe
"""


_SHORT = {f"--{name}": f"--attack.{name}" for name in ("eps", "norm", "examples")}


def run(words: list[str]) -> int:
    """Run `tla study`."""
    from tla.study import recipes

    if not words or (words[0] in ("-h", "--help") and len(words) == 1):
        print(USAGE.format(recipes=", ".join(recipes.shipped())))
        return 0 if words else 2
    if words[0].startswith("-"):
        raise ValueError(f"the recipe comes first: tla study digits {' '.join(words)}")
    values = recipes.read(words[0])
    options, rest = verb_options([_SHORT.get(word, word) for word in words[1:]])
    if "embeddings" in values:
        _check_embeddings(options, rest)
    else:
        values, rest = with_method_settings(with_model_and_source(values, options), rest)
        values, rest = with_given(values, rest)
        refuse_backbone(values, options, rest)
    if "--help" not in rest and "-h" not in rest and not options["--force"]:
        done = already_done(folder_of(options, values, rest), request_of(values, rest), options["--data"])
        if done is not None:
            print(done)
            return 0
    return (_run_embeddings if "embeddings" in values else _run)(values, options, rest)


NEED_A_MODEL = ("--given", "--methods", "--method", "--seeds", "--attack", "--train")
"""Settings that a study of embeddings does not have."""


def _check_embeddings(options: dict[str, str | None], rest: list[str]) -> None:
    """Raises ValueError for what needs a model or images."""
    words = [name for name in ("--data", "--model", "--source", "--workers", "--scheduler") if options[name]]
    words += [word.split("=")[0] for word in rest if word.split("=")[0].split(".")[0] in NEED_A_MODEL]
    if words:
        raise ValueError(f"{words[0]} has no meaning for embeddings alone: there is no model and no attack")


def folder_of(options: dict[str, str | None], values: dict[str, Any], rest: list[str]) -> Path:
    """The study folder of a command."""
    name = rest[rest.index("--name") + 1] if "--name" in rest[:-1] else values.get("name", "study")
    return Path(options["--out"] or Path("studies") / str(name))


def request_of(values: dict[str, Any], rest: list[str]) -> str:
    """Fingerprint of a command; tells without importing torch whether it has been carried out."""
    known = [versions()["tla"], values, rest, _model_files(values)]
    text = json.dumps(known, sort_keys=True, default=str)  # a date in a recipe is refused later
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _model_files(values: dict[str, Any]) -> list[list[Any]]:
    """Name, size and time of every file that a given model, or a study of embeddings, is loaded from."""
    if "embeddings" in values:
        return _facts(file for file in Path(values["embeddings"]).expanduser().rglob("*") if file.is_file())
    files: set[Path] = set()
    for given in (*values.get("given", {}).values(), *values.get("start", {}).values()):
        texts = [str(given.get(key, "")) for key in ("load", "weights")] if isinstance(given, dict) else []
        for part in (part for text in texts for piece in text.split("@") for part in (piece, piece.rpartition(":")[0])):
            if part and Path(part).expanduser().is_file():
                files.add(Path(part).expanduser())
            files |= _code_files(part)
    return _facts(files)


def _code_files(source: str) -> set[Path]:
    """The Python files that a network's code may consist of: those beside a file, or of a package in this folder."""
    file, top = Path(source).expanduser(), Path(source.split(".")[0])
    if source.endswith(".py") and file.is_file():
        return set(file.parent.glob("*.py"))
    if not source.replace(".", "").isidentifier():
        return set()
    return {path for path in (*top.rglob("*.py"), top.with_suffix(".py")) if path.is_file()}


def _facts(files: Iterable[Path]) -> list[list[Any]]:
    return [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in sorted(files)]


def already_done(folder: Path, request: str, data: str | None) -> str | None:
    """The message if the command has nothing left to do, else None: the study or the pictures it was made from changed.

    Args:
        folder: The study folder.
        request: Fingerprint of the command.
        data: Folder of data sets; None for the default.
    """
    file = folder / "manifest.json"
    if not file.exists():
        return None
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        complete = manifest.get("complete") == request
        unchanged = complete and not Store(folder).changed() and _same_data(manifest, data)
    except (ValueError, KeyError, AttributeError, TypeError):
        return None  # the full run reports what is wrong with the manifest
    if not unchanged:
        return None
    steps = len(manifest["steps"])
    return f"Nothing to do: all {steps} steps of this study are finished.\nReport: {(folder / 'report.html').resolve()}"


def _same_data(manifest: dict[str, Any], data: str | None) -> bool:
    """True if the files that the study was made from are as they were; one without files needs no torch to tell."""
    listing = manifest.get("listing")
    if not listing:
        return listing == ""
    from tla.config import from_dict
    from tla.data import Source

    source = from_dict(Source, manifest["study"]["source"])
    return source.listing(Path(data) if data else None) == listing


def _run(values: dict[str, Any], options: dict[str, str | None], rest: list[str]) -> int:
    # Fooled images leave the batch, so its shape keeps changing: oneDNN would cache a kernel for each of a thousand.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    from rich.console import Console

    from tla.cli.progress import StudyBar, is_first_process
    from tla.study import run_study, study_from

    study = overridden(study_from(values), rest)
    folder = folder_of(options, values, rest)
    data = Path(options["--data"]) if options["--data"] else None
    console = Console(stderr=False, quiet=not is_first_process())
    with StudyBar(console=console) as progress:
        store = run_study(
            study,
            folder,
            data_root=data,
            progress=progress,
            request=request_of(values, rest),
            force=bool(options["--force"]),
            workers=workers_of(options, study),
        )
    if not is_first_process():
        return 0
    from tla.cli.tables import audit_line, paired_summary, study_summary

    console.print(study_summary(store, console.width))
    for part in paired_summary(store):
        console.print(part, highlight=False)
    console.print(audit_line(store), highlight=False)
    console.print(f"Report: [bold]{(folder / 'report.html').resolve()}[/]", soft_wrap=True)
    return 0


def workers_of(options: dict[str, str | None], study: "Study") -> "Workers | None":
    """Where `--workers` and `--scheduler` say that the steps run; None for this process.

    Raises:
        ValueError: for a number of workers below 1, or what is none.
    """
    from tla.study.workers import Workers, useful_workers

    asked, scheduler = options["--workers"], options["--scheduler"]
    if scheduler:
        return Workers(scheduler=scheduler)
    models = len(study.trained) + len(study.given)
    if asked == "auto":
        count = useful_workers(models)
    elif asked is None or asked.isdecimal():
        count = 1 if asked is None else int(asked)
    else:
        raise ValueError(f"--workers must be a whole number >= 1, or auto, got {asked!r}")
    workers = Workers(count=count)
    return workers if workers.count > 1 else None


def _run_embeddings(values: dict[str, Any], options: dict[str, str | None], rest: list[str]) -> int:
    from rich.console import Console

    from tla.cli.progress import StudyBar
    from tla.cli.tables import condition_summary
    from tla.study.embeddings import run_embeddings
    from tla.study.embeddings.config import embedding_study

    study = overridden(embedding_study(values), rest)
    folder, console = folder_of(options, values, rest), Console()
    with StudyBar(console=console) as progress:
        store = run_embeddings(
            study, folder, progress=progress, request=request_of(values, rest), force=bool(options["--force"])
        )
    console.print(condition_summary(store))
    for note in store.manifest()["embeddings"]["notes"]:
        console.print(note, highlight=False)
    console.print(f"Report: [bold]{(folder / 'report.html').resolve()}[/]", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

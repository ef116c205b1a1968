"""`tla attack MODEL`: attack a model and tabulate the result."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import tyro

from tla.cli.help import summary
from tla.cli.model import MODEL_HELP, ModelOptions, NamedModel, own_model, subject_for, tell
from tla.messages import radius_text
from tla.precision import Precision
from tla.store import Store, replacing
from tla.threat import Norm, Threat

DEFAULT, SUITE = "ensemble", "suite"


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """Attack a model and tabulate accuracy, queries and time per attack; success is always decided in float32.

    Args:
        given: The model.
        attacks: Registered attacks, e.g. ensemble pgd cw apgd autoattack square; `tla list attacks` shows all of them.
            By default ensemble, about as strong as autoattack and much faster; "suite" for those of the model's study.
        eps: Radii in pixel units (images are in 0..1); by default the study's.
        norm: Norm of the threat: linf, l2 or l1; by default the study's.
        set: Settings of single attacks: pgd.steps=100 pgd.restarts=20.
        data: Test images: mnist, cifar10, folder:PATH, csv:FILE, npz:FILE or random:3x64x64; by default what the model
            was trained on.
        data_root: Folder of data sets; by default the variable TLA_DATA, else ~/.cache/tla.
        examples: Number of test images, from the first one.
        batch: Images per forward pass.
        precision: auto, fp32 or bf16 for the search; success is always decided in float32.
        seed: Seed of the attacks.
        images: Save the adversarial images too.
        out: Folder for the results (attacks.parquet, images); an interrupted run resumes from it, and a finished one
            is not repeated.
    """

    given: Annotated[ModelOptions, tyro.conf.arg(name="")]
    attacks: tuple[str, ...] = ()
    eps: tuple[float, ...] = ()
    norm: Norm | None = None
    set: tuple[str, ...] = ()
    data: str | None = None
    data_root: Path | None = None
    examples: int = 1000
    batch: int = 250
    precision: Precision = "auto"
    seed: int = 0
    images: bool = False
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = field(default=None)


def run(words: list[str]) -> int:
    """Run `tla attack`."""
    options = tyro.cli(
        AttackOptions,
        args=words,
        prog="tla attack",
        description=summary(AttackOptions, MODEL_HELP),
        config=(tyro.conf.PositionalRequiredArgs,),
    )
    if options.examples < 1:
        raise ValueError(f"--examples must be >= 1, got {options.examples}")
    own = own_model(options.given)
    attacks = _attacks(options, own)
    _show(options, _evaluate(options, own, attacks))
    return 0


def _attacks(options: AttackOptions, own: NamedModel | None) -> dict[str, Any]:
    from tla.attacks import ATTACKS, Attack
    from tla.attacks.base import check_evaluates
    from tla.config import from_dict, plain_value

    settings: dict[str, dict[str, Any]] = {}
    for word in options.set:
        name, dot, rest = word.partition(".")
        key, equals, value = rest.partition("=")
        if not dot or not equals:
            raise ValueError(f"--set takes attack.setting=value, as in pgd.steps=100; got {word!r}")
        settings.setdefault(name, {})[key] = plain_value(value)
    if options.attacks == (SUITE,):
        suite = _plan(own).get("suite", {})
        if not suite:
            raise ValueError(
                f"{options.given.load} belongs to no study with a suite of attacks: name some, --attacks pgd cw"
            )
        return {label: from_dict(Attack, values, f"attack {label!r}") for label, values in suite.items()}
    names = options.attacks or tuple(settings) or (DEFAULT,)
    unused = set(settings) - set(names)
    if unused:
        raise ValueError(f"--set names {', '.join(sorted(unused))}, but --attacks only {', '.join(names)}")
    attacks = {name: ATTACKS.build(name, **settings.get(name, {})) for name in names}
    for name, attack in attacks.items():
        check_evaluates(f"--attacks {name}", attack)
    return attacks


def _plan(own: NamedModel | None) -> dict[str, Any]:
    """The attack settings of the model's study."""
    return ({} if own is None else own.header.get("attack")) or {}


def _evaluate(options: AttackOptions, own: NamedModel | None, attacks: dict[str, Any]) -> Any:
    """Attack at every radius, save the table, and return its summary."""
    import pandas as pd
    import torch
    from rich.console import Console

    from tla.attacks import CacheFolder, Kept, evaluate
    from tla.devices import choose_device
    from tla.progress import ProgressBar
    from tla.statistics import summarise

    norm, radii = _threat(options, own)
    subject = subject_for(options.given, own, options.data, options.data_root, options.examples)
    images = subject.images.subset(torch.arange(min(options.examples, len(subject.images))))
    device = choose_device()
    model, pixels = subject.model.model.to(device).eval(), images.pixels.to(device)
    tell(subject, options.data)
    folder, tables = _folder(options), []
    _claim(folder, _settings(options, attacks, norm, radii))
    cache = CacheFolder(folder / "parts")
    with ProgressBar(console=Console(stderr=True)) as bar:
        for eps in radii:
            bar.title = f"eps {radius_text(eps)}"
            kept = Kept(*attacks) if options.images else None
            table = evaluate(
                model,
                pixels,
                images.labels.to(device),
                attacks,
                Threat(norm, eps),
                ids=images.ids.to(device),
                batch=options.batch,
                seed=options.seed,
                precision=options.precision,
                progress=bar,
                cache=cache,
                keep=kept,
            )
            tables.append(table)
            if kept is not None:
                _save_images(folder, eps, kept, images)
    whole = pd.concat([tables[0], *(table[table.attack != "clean"] for table in tables[1:])], ignore_index=True)
    _save_table(folder, whole)  # the parts stay: the same command again attacks nothing, and tells the same
    return pd.concat([summarise(table) for table in tables]).drop_duplicates(["attack", "eps"])


def _threat(options: AttackOptions, own: NamedModel | None) -> tuple[Norm, tuple[float, ...]]:
    """Norm and radii: those given, else those of the model's study."""
    plan = _plan(own)
    radii = options.eps or tuple(eps for eps in (plan.get("eps"),) if eps is not None)
    if not radii:
        raise ValueError(f"{options.given.load} does not say at which eps it was trained: name one with --eps 0.3")
    return options.norm or plan.get("norm", "linf"), radii


def _folder(options: AttackOptions) -> Path:
    if options.out is not None:
        return options.out
    given, said = options.given, []
    for item in fields(options):  # the text of the options as they once were, so that earlier folders are found
        if item.name == "given":
            said.append(f"model={given.load!r}")
            continue
        said += [f"weights={given.weights!r}"] if item.name == "data" else []
        value = {"images": False, "data_root": None}.get(item.name, getattr(options, item.name))
        said.append(f"{item.name}={value!r}")
    settings = f"Options({', '.join(said)})" + (repr(_called(given)) if _called(given) else "")
    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in given.load)
    return Path("attacks") / f"{name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"


def _called(given: ModelOptions) -> dict[str, Any]:
    """How the model is called, as far as it is said."""
    from tla.config import to_dict

    return {name: value for name, value in to_dict(given).items() if name not in ("load", "weights")}


def _settings(options: AttackOptions, attacks: dict[str, Any], norm: Norm, radii: tuple[float, ...]) -> dict[str, Any]:
    """What the results of a run depend on, as plain values."""
    from tla.config import to_dict

    same = ("data", "examples", "batch", "precision", "seed")
    model = {"model": options.given.load, "weights": options.given.weights, **_called(options.given)}
    return (
        model
        | {name: getattr(options, name) for name in same}
        | {
            "norm": norm,
            "eps": list(radii),
            "attacks": to_dict(attacks),
        }
    )


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Record the settings of the results that a folder is going to hold.

    Raises:
        ValueError: if it holds results of other settings; says which differ, and leaves them alone.
    """
    store, file = Store(folder), folder / "settings.json"
    if (folder / "attacks.parquet").exists():
        earlier = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        differ = [
            f"{name} {earlier.get(name)} there, {value} now"
            for name, value in settings.items()
            if earlier.get(name) != value
        ]
        if differ:
            why = "; ".join(differ) if earlier else "it does not say which"
            raise ValueError(f"{folder} holds results of other settings ({why}); choose another --out, or delete it")
    store.write_json(file.name, settings)


def _save_images(folder: Path, eps: float, kept: Any, images: Any) -> None:
    import numpy as np

    arrays = {label: tensor.numpy() for label, tensor in kept.items()}
    Store(folder).write_arrays(f"adversarial-{eps:.6g}", {**arrays, "id": images.ids.numpy().astype(np.int32)})


def _save_table(folder: Path, frame: Any) -> None:
    with replacing(folder / "attacks.parquet") as temporary:
        frame.to_parquet(temporary, index=False)


def _show(options: AttackOptions, summary: Any) -> None:
    from rich.console import Console

    from tla.cli.tables import attack_summary

    console = Console()
    title = f"{options.given.load}: accuracy under attack, {options.precision} search, success in float32"
    console.print(attack_summary(summary, title))
    folder = _folder(options)
    console.print(f"Per image: [bold]{(folder / 'attacks.parquet').resolve()}[/]", soft_wrap=True)

"""`tla audit STUDY|MODEL`: is this robust accuracy believable?"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from tla.cli.help import summary
from tla.cli.model import MODEL_HELP, ModelOptions, NamedModel, own_model, subject_for, tell
from tla.models import GivenModel
from tla.threat import Norm, Threat


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """Check what can be wrong with a robust accuracy: one verdict per check, with evidence and advice.

    Args:
        given: A study (all its models are audited), or one model.
        level: quick (about one run of the attack), standard (about a dozen), long (AutoAttack in addition).
        attack: Attack under audit; by default the study's main one, or the audit's own.
        eps: Radius in pixel units; by default the study's.
        norm: Norm of the threat; by default the study's.
        data: Test images for a model from elsewhere: mnist, digits, folder:PATH, csv:FILE, npz:FILE or random:3x64x64.
        data_root: Folder of the data sets.
        examples: How many test images to audit on.
        seed: Seed of the audit.
        out: Also write the verdicts to this parquet file.
        strict: For a CI: a warning counts as a failure, and the verdicts are also written as a JUnit file, audit.xml
            unless --junit names another. The exit status is 0 if nothing failed and 3 if something did.
        junit: Also write the verdicts to this JUnit file.
    """

    given: Annotated[ModelOptions, tyro.conf.arg(name="")]
    level: Literal["quick", "standard", "long"] = "quick"
    attack: str | None = None
    eps: float | None = None
    norm: Norm | None = None
    data: str | None = None
    data_root: Path | None = None
    examples: int = 200
    seed: int = 0
    out: Path | None = None
    strict: bool = False
    junit: Path | None = None


def run(words: list[str]) -> int:
    """Run `tla audit`; exits with 3 if a check fails, with --strict also if one warns or nothing could be checked."""
    import pandas as pd
    from rich.console import Console

    from tla.audit.report import rendered

    options = tyro.cli(
        AuditOptions,
        args=words,
        prog="tla audit",
        description=summary(AuditOptions, MODEL_HELP),
        config=(tyro.conf.PositionalRequiredArgs,),
    )
    console, reports = Console(), {}
    for given in _models(options.given):
        report = reports[given.load] = _audit(options, given, console)
        console.rule(given.load)
        console.print(rendered(report))
    if not reports:
        raise ValueError(f"{options.given.load} has no trained models to audit: finish the study first")
    if options.out is not None:
        frames = [report.frame().assign(model=name) for name, report in reports.items()]
        pd.concat(frames, ignore_index=True).to_parquet(options.out, index=False)
        console.print(f"Verdicts: {options.out.resolve()}", soft_wrap=True)
    return _end(options, reports, console)


def _end(options: AuditOptions, reports: dict[str, Any], console: Any) -> int:
    """The JUnit file, the last line, and the exit status."""
    from tla.cli.junit import write_junit

    file = options.junit or (Path("audit.xml") if options.strict else None)
    if file is not None:
        write_junit(file, reports, strict=options.strict)
        console.print(f"JUnit: {file.resolve()}", soft_wrap=True)
    bad = ("FAIL", "WARN", "NOT RUN") if options.strict else ("FAIL",)
    failed = [f"{name}: {report.overall}" for name, report in reports.items() if report.overall in bad]
    if failed:
        console.print(f"[bold red]Not to be believed as it is[/]: {'; '.join(failed)}", soft_wrap=True)
    return 3 if failed else 0


def _models(given: GivenModel) -> list[GivenModel]:
    """Every model of a study, or the one model; the network of weights trained from given ones follows an @."""
    from tla.study.locate import open_study

    study, at, network = given.load, "", ""
    if "@" in study and ":" not in study.partition("@")[0]:
        study, at, network = study.partition("@")
    try:
        store = open_study(study)
    except FileNotFoundError:
        return [given]
    keys = sorted(file.parent.name for file in store.path.glob("models/*/model.safetensors"))
    return [replace(given, load=f"{store.path}:{key}{at}{network}") for key in keys]


def _audit(options: AuditOptions, given: GivenModel, console: Any) -> Any:
    import torch

    from tla.attacks import ATTACKS, Attack
    from tla.audit import run_audit
    from tla.config import from_dict
    from tla.devices import choose_device
    from tla.progress import ProgressBar

    own = own_model(given)
    plan = ({} if own is None else own.header.get("attack")) or {}
    eps = options.eps if options.eps is not None else plan.get("eps")
    if eps is None:
        raise ValueError(f"{given.load} does not say at which eps it was trained: pass one, as in --eps 0.3")
    attack = ATTACKS.build(options.attack) if options.attack else None
    if attack is None and "suite" in plan:
        attack = from_dict(Attack, plan["suite"][plan["main"]])
    subject = subject_for(given, own, options.data, options.data_root, options.examples)
    images = subject.images.subset(torch.arange(min(options.examples, len(subject.images))))
    device = choose_device()
    model = subject.model.model.to(device)
    tell(subject, options.data)
    with ProgressBar(f"auditing {given.load}", console=console) as bar:
        return run_audit(
            model,
            images.floats().to(device),
            images.labels.to(device),
            Threat(options.norm or plan.get("norm", "linf"), eps),
            attack=attack,
            level=options.level,
            sources=_sources(own, device),
            seed=options.seed,
            ids=images.ids,
            n=None,
            progress=bar,
        )


def _sources(subject: NamedModel | None, device: Any) -> dict[str, Any]:
    """The other models of the same study, for transfer."""
    if subject is None or subject.store is None:
        return {}
    from tla.training import load_model

    names = sorted(file.parent.name for file in subject.store.path.glob("models/*/model.safetensors"))
    files = {name: subject.store.check(f"models/{name}/model.safetensors") for name in names if name != subject.key}
    return {name: load_model(file, subject.network).model.to(device) for name, file in files.items()}

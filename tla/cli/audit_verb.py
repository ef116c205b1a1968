"""`tla audit STUDY|MODEL`: is this robust accuracy believable?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from tla.cli.help import summary
from tla.cli.model import MODEL_HELP, NamedModel, find_model, images_for
from tla.threat import Norm, Threat


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """Check what can be wrong with a robust accuracy: one verdict per check, with evidence and advice.

    Args:
        model: A study (all its models are audited), or one model; see below.
        level: quick (about one run of the attack), standard (about a dozen), long (AutoAttack in addition).
        attack: Attack under audit; by default the study's main one, or the audit's own.
        eps: Radius in pixel units; by default the study's.
        norm: Norm of the threat; by default the study's.
        weights: Trained weights of a torchvision model: DEFAULT.
        data: Test images for a model from elsewhere: mnist, cifar10, digits, folder:PATH or random:3x64x64.
        data_root: Folder of the data sets.
        examples: How many test images to audit on.
        seed: Seed of the audit.
        out: Also write the verdicts to this parquet file.
    """

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    level: Literal["quick", "standard", "long"] = "quick"
    attack: str | None = None
    eps: float | None = None
    norm: Norm | None = None
    weights: str | None = None
    data: str | None = None
    data_root: Path | None = None
    examples: int = 200
    seed: int = 0
    out: Path | None = None


def run(words: list[str]) -> int:
    """Run `tla audit`; exits with 3 if a check fails."""
    import pandas as pd
    from rich.console import Console

    from tla.audit.report import rendered

    options = tyro.cli(AuditOptions, args=words, prog="tla audit", description=summary(AuditOptions, MODEL_HELP))
    console, frames, failed = Console(), [], False
    for subject in _subjects(options.model, options.weights):
        report = _audit(options, subject, console)
        console.rule(subject.name)
        console.print(rendered(report))
        frames.append(report.frame().assign(model=subject.name))
        failed |= report.overall == "FAIL"
    if options.out is not None:
        pd.concat(frames, ignore_index=True).to_parquet(options.out, index=False)
        console.print(f"Verdicts: {options.out.resolve()}", soft_wrap=True)
    return 3 if failed else 0


def _subjects(name: str, weights: str | None) -> list[NamedModel]:
    from tla.study.locate import open_study

    try:
        store = open_study(name)
    except FileNotFoundError:
        return [find_model(name, weights)]
    keys = sorted(file.parent.name for file in store.path.glob("models/*/model.safetensors"))
    return [find_model(f"{store.path}:{key}") for key in keys]


def _audit(options: AuditOptions, subject: NamedModel, console: Any) -> Any:
    import torch

    from tla.attacks import ATTACKS, Attack
    from tla.audit import run_audit
    from tla.config import from_dict

    plan = subject.header.get("attack") or {}
    eps = options.eps if options.eps is not None else plan.get("eps")
    if eps is None:
        raise ValueError(f"{subject.name} does not say at which eps it was trained: pass one, as in --eps 0.3")
    attack = ATTACKS.build(options.attack) if options.attack else None
    if attack is None and "suite" in plan:
        attack = from_dict(Attack, plan["suite"][plan["main"]])
    images = images_for(subject, options.data, options.data_root, options.examples)
    images = images.subset(torch.arange(min(options.examples, len(images))))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with console.status(f"auditing {subject.name}") as status:
        return run_audit(
            subject.model.to(device),
            images.floats().to(device),
            images.labels.to(device),
            Threat(options.norm or plan.get("norm", "linf"), eps),
            attack=attack,
            level=options.level,
            sources=_sources(subject, device),
            seed=options.seed,
            ids=images.ids,
            n=None,
            progress=lambda now: status.update(f"auditing {subject.name}: {now.check} ({now.done}/{now.total})"),
        )


def _sources(subject: NamedModel, device: str) -> dict[str, Any]:
    """The other models of the same study, for transfer."""
    if subject.store is None:
        return {}
    from tla.training import load_model

    names = sorted(file.parent.name for file in subject.store.path.glob("models/*/model.safetensors"))
    files = {name: subject.store.check(f"models/{name}/model.safetensors") for name in names if name != subject.key}
    return {name: load_model(file).model.to(device) for name, file in files.items()}

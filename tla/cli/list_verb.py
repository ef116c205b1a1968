"""`tla list`: everything that has a name."""

import importlib
import inspect
from typing import Any

from rich.console import Console
from rich.table import Table

from tla.messages import did_you_mean, radius_text

REGISTRIES = {
    "methods": ("tla.training", "METHODS"),
    "attacks": ("tla.attacks", "ATTACKS"),
    "losses": ("tla.losses", "LOSSES"),
    "models": ("tla.models", "MODELS"),
    "sources": ("tla.data", "SOURCES"),
    "detectors": ("tla.representation", "DETECTORS"),
    "projections": ("tla.projection", "PROJECTIONS"),
    "checks": ("tla.audit", "CHECKS"),
    "figures": ("tla.plots", "FIGURES"),
}
KINDS = (*REGISTRIES, "recipes", "studies", "weights")

USAGE = f"""\
usage: tla list [KIND]      KIND: {", ".join(KINDS)}; all of them by default
"""


def run(words: list[str]) -> int:
    """Run `tla list`."""
    if words and words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    for word in words:
        if word not in KINDS:
            raise ValueError(f"unknown kind {word!r}; {did_you_mean(word, KINDS)}")
    console = Console()
    for kind in words or KINDS:
        table = Table(title=kind, title_justify="left", show_header=False, box=None, padding=(0, 2))
        for name, text in _items(kind):
            table.add_row(f"[bold]{name}[/]", text)
        console.print(table)
        console.print()
    return 0


def _items(kind: str) -> list[tuple[str, str]]:
    if kind == "recipes":
        from tla.config import read_toml
        from tla.study import recipes

        return [(name, str(read_toml(path).get("caption", ""))) for name, path in recipes.shipped().items()]
    if kind == "studies":
        from tla.study.locate import available

        return [(name, str(path)) for name, path in available().items()]
    if kind == "weights":
        from tla.weights import facts, shipped_weights

        return [(name, _accuracy(facts(name))) for name in shipped_weights()]
    module, attribute = REGISTRIES[kind]
    registry = getattr(importlib.import_module(module), attribute)
    return [(name, _summary(registry.get(name))) for name in registry.names()]


def _accuracy(facts: dict[str, Any]) -> str:
    """A card in a line: accuracy without an attack and under the one that leaves least."""
    threat, accuracy = facts.get("threat"), dict(facts["accuracy"])
    clean = accuracy.pop("clean", None)
    said = [] if clean is None else [f"clean {clean:.1f} %"]
    if accuracy:
        ball = f" ({threat['norm']} {radius_text(threat['eps'])})" if threat else ""
        said.append(f"attacked {min(accuracy.values()):.1f} %{ball}")
    return ", ".join([*said, *([f"n = {facts['n']:,}"] if "n" in facts else [])])


def _summary(item: object) -> str:
    return (inspect.getdoc(item) or "").strip().split("\n")[0]

"""How strong attacks are for their cost: robust accuracy against passes through the network per image.

    python benchmarks/strength.py                               the digits models that ship, eps 0.15, 500 images
    python benchmarks/strength.py digits/at                     one of them
    python benchmarks/strength.py --data mnist --eps 0.3 at=FILE natural=FILE      your own models
    python benchmarks/strength.py --unseen                      networks that it was not tuned by, 300 to 1,000 images
    python benchmarks/strength.py --table                       print and draw earlier measurements

All contenders attack the same images of the same network, one after the other, on one thread; peers (under Linf) with
their own defaults except eps, as far as they are installed (extra 'peers'). A pass is one image forward or its gradient
backward; passes are counted at the network, including images that a library attacks needlessly. Times are CPU time.
Accuracy is the share of images classified correctly both clean and attacked, in one float32 forward pass.

`--unseen` takes the networks of benchmarks/unseen, two at a time, each in a process with one thread: ensemble and
AutoAttack only.

Finished measurements are saved in --folder and not repeated. The last line gives the largest distance of `ensemble`
from AutoAttack in points, how many times its passes AutoAttack needs at least, networks and images.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from attack_peers import DEFAULTS
from torch import Tensor, nn

from tla.attacks import APGD, ATTACKS, PGD, Attack, Ensemble, evaluate
from tla.data import load_source
from tla.extras import require
from tla.files import replacing
from tla.statistics import wilson
from tla.threat import Norm, Threat
from tla.types import Outputs
from tla.weights import load, shipped_weights

LIBRARY = {"AutoAttack": "pyautoattack"}
SEARCHES: dict[str, Callable[[float], Attack]] = {
    "ensemble, 1 search": lambda eps: Ensemble(targets=0, queries=0),
    "ensemble, 2 targets": lambda eps: Ensemble(targets=2, restarts=1, queries=0),
    "ensemble, 1 round": lambda eps: Ensemble(restarts=1, queries=0),
    "ensemble": lambda eps: Ensemble(),
    "PGD-40, cross-entropy, eps/30": lambda eps: PGD(steps=40, step_size=eps / 30, loss="ce"),
    "PGD-40, margin, eps/4": lambda eps: PGD(steps=40, step_size=eps / 4, loss="margin"),
    "APGD-CE": lambda eps: APGD(loss="ce"),
    "APGD-DLR": lambda eps: APGD(loss="dlr"),
    "APGD-T": lambda eps: APGD(loss="dlr", targets=9),
    "AutoAttack": lambda eps: ATTACKS.build("autoattack"),
}


@dataclass
class Passes:
    """Number of images that went forward and gradients that came back; copies of a network share it."""

    forward: int = 0
    backward: int = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> "Passes":
        """Itself."""
        return self


class Counted(nn.Module):
    """A network that counts."""

    def __init__(self, model: nn.Module, passes: Passes) -> None:
        super().__init__()
        self.model, self.passes = model, passes

    def forward(self, x: Tensor) -> Outputs:
        """The network's outputs."""
        self.passes.forward += len(x)
        outputs = self.model(x)
        if outputs.logits.requires_grad:
            outputs.logits.register_hook(self._back)
        return outputs

    def _back(self, gradient: Tensor) -> None:
        self.passes.backward += len(gradient)


class Logits(Counted):
    """The same, as other libraries expect it."""

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Logits alone."""
        return super().forward(x).logits


@dataclass(frozen=True)
class Case:
    """A network and images."""

    name: str
    model: nn.Module
    x: Tensor
    y: Tensor
    eps: float
    data: str
    norm: Norm = "linf"
    batch: int = field(default=250)


def main() -> None:
    """Measure, print, draw."""
    options = arguments()
    torch.set_num_threads(1)
    if options.unseen and not options.table:
        with ProcessPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(judge, unseen(options), itertools.repeat(options)))
    elif not options.table:
        for case in cases(options):
            warm(case)
            for contender in (*SEARCHES, *DEFAULTS):
                measure(case, contender, options)
    files = sorted(options.folder.glob("*.parquet"))
    if not files:
        raise SystemExit(f"there are no measurements in {options.folder}; run without --table first")
    table = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    table = table.sort_values(["data", "model", "passes"], ignore_index=True)
    report(table)
    if options.figure is not None:
        from tla.plots import FIGURES, Look
        from tla.plots.drawing.export import save

        save(FIGURES.get("strength")(table, look=Look(width=1200)), options.figure, width=1200, scale=1)
    if options.csv is not None:
        with replacing(options.csv) as temporary:
            table.round(5).to_csv(temporary, index=False)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="name of shipped weights, or name=FILE; by default the digits' six")
    parser.add_argument("--unseen", action="store_true", help="the networks of benchmarks/unseen, or some of them")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--eps", type=float, default=0.15)
    parser.add_argument("--images", type=int, help="500; of the unseen networks as many as each says")
    parser.add_argument("--folder", type=Path, help="strength; strength/unseen of the unseen networks")
    parser.add_argument("--table", action="store_true", help="only show what is measured already")
    parser.add_argument("--figure", type=Path, help="draw the table: PNG, SVG or HTML")
    parser.add_argument("--csv", type=Path, help="write the table")
    options = parser.parse_args()
    if options.images is None and not options.unseen:
        options.images = 500
    options.folder = options.folder or Path("strength") / ("unseen" if options.unseen else "")
    return options


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """The networks, with the first test images of the data set."""
    test = load_source(options.data).load().test
    x, y = test.floats()[: options.images], test.labels[: options.images]
    for word in options.models or [name for name in shipped_weights() if name.startswith(f"{options.data}/")]:
        name, equals, file = word.partition("=")
        if equals:
            from tla.training import load_model

            model = load_model(Path(file)).model
        else:
            model, name = load(word), word.partition("/")[2]
        yield Case(name, model.eval(), x, y, options.eps, options.data)


def unseen(options: argparse.Namespace) -> list[str]:
    """Names of the networks nobody looked at, the slowest first."""
    from unseen.networks import UNSEEN

    names = options.models or [*reversed(UNSEEN)]
    for name in names:
        if name not in UNSEEN:
            raise SystemExit(f"{name}: not among the networks of benchmarks/unseen: {', '.join(UNSEEN)}")
    return names


def judge(name: str, options: argparse.Namespace) -> None:
    """The ensemble and AutoAttack on one of these networks, on images drawn at random."""
    from unseen.networks import UNSEEN, images
    from unseen.networks import load as load_unseen

    of = UNSEEN[name]
    _, test = images(of.data)
    rows = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[: options.images or of.images]
    # One batch: AutoAttack takes its 5,000 random squares with each, however few images are left in it.
    case = Case(name, load_unseen(name), test.floats(rows), test.labels[rows], of.judged, of.data, of.norm, len(rows))
    require("pyautoattack", "AutoAttack")
    for contender in ("ensemble", "AutoAttack"):
        measure(case, contender, options)


def warm(case: Case) -> None:
    """Import all libraries and run each on a few images, so that no contender pays for what all share."""
    require("pyautoattack", "AutoAttack")
    few = replace(case, x=case.x[:4], y=case.y[:4])
    run_search(few, Ensemble(), Passes())
    for peer in DEFAULTS.values():
        if peer.version() is not None:
            run_peer(few, peer, Passes())


def measure(case: Case, contender: str, options: argparse.Namespace) -> None:
    """Measure one attack on one network, unless that is done already."""
    words = [case.data, case.name, f"{case.eps:g}", str(len(case.x)), contender]
    file = options.folder / f"{'-'.join(words)}.parquet".replace("/", "_").replace(" ", "_")
    if file.exists():
        return
    peer, passes = DEFAULTS.get(contender), Passes()
    if peer is not None and peer.version() is None:
        print(f"{contender}: not installed")
        return
    started = time.process_time()
    if peer is None:
        library, right = LIBRARY.get(contender, "tla"), run_search(case, SEARCHES[contender](case.eps), passes)
    else:
        library, right = peer.name, run_peer(case, peer, passes)
    seconds = time.process_time() - started
    n, low_high = len(right), wilson(int(right.sum()), len(right))
    row = {
        "data": case.data, "model": case.name, "norm": case.norm, "eps": case.eps, "attack": contender,
        "library": library, "n": n,
        "accuracy": float(right.float().mean()), "low": low_high.low, "high": low_high.high,
        "forward": passes.forward / n, "backward": passes.backward / n,
        "passes": (passes.forward + passes.backward) / n, "cpu_seconds": seconds,
    }  # fmt: skip
    with replacing(file) as temporary:
        pd.DataFrame([row]).to_parquet(temporary, index=False)
    cost = f"{row['passes']:>9.0f} passes{seconds:>9.1f} s"
    print(f"{case.name:<10}{contender:<34}{row['accuracy']:>7.3f}{cost}", flush=True)


def run_search(case: Case, attack: Attack, passes: Passes) -> Tensor:
    """Which images stay correct under a registered attack, as `tla attack` runs it."""
    model = Counted(case.model, passes)
    table: Any = evaluate(model, case.x, case.y, {"it": attack}, Threat(case.norm, case.eps), batch=case.batch)
    return ~torch.from_numpy(table[table["attack"] == "it"]["success"].to_numpy(bool, copy=True))


def run_peer(case: Case, peer: Any, passes: Passes) -> Tensor:
    """Which images are correct both clean and under another library's PGD."""
    run = peer.default(Logits(case.model, passes).eval(), case.eps, case.x)
    right = []
    for x, y in zip(case.x.split(case.batch), case.y.split(case.batch), strict=True):
        adversarial = run(x, y).detach()
        with torch.no_grad():
            clean, attacked = (case.model(images).logits.argmax(1) == y for images in (x, adversarial))
        right.append(clean & attacked)
    return torch.cat(right)


def report(table: pd.DataFrame) -> None:
    """Print the table as Markdown, and how far the ensemble is from AutoAttack."""
    gaps, ratios, counts = [], [], []
    if "norm" not in table:
        table = table.assign(norm="linf")
    groups: Any = table.fillna({"norm": "linf"}).groupby(["data", "model", "norm", "eps"], sort=False)
    for (data, name, norm, eps), rows in groups:
        print(f"\n{data} {name}, {norm.capitalize()} {eps:g}, n = {rows['n'].max()}\n")
        print("| attack | library | accuracy % | 95 % interval | passes per image | CPU seconds |")
        print("|---|---|---|---|---|---|")
        for row in rows.itertuples():
            accuracy = f"{100 * row.accuracy:.1f} | {100 * row.low:.1f} .. {100 * row.high:.1f}"
            print(f"| {row.attack} | {row.library} | {accuracy} | {row.passes:.0f} | {row.cpu_seconds:.1f} |")
        one = rows.set_index("attack")
        if {"ensemble", "AutoAttack"} <= set(one.index):
            mine, theirs = one.loc["ensemble"], one.loc["AutoAttack"]
            gaps.append(100 * (mine["accuracy"] - theirs["accuracy"]))
            ratios.append(theirs["passes"] / mine["passes"])
            counts.append(int(mine["n"]))
    if gaps:
        found = f"gap_points={max(gaps):.2f} passes_ratio={min(ratios):.1f} networks={len(gaps)} n={min(counts)}"
        print(f"\n{found}")


if __name__ == "__main__":
    main()

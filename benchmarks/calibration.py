"""The calibration table of the measures: an adversarially trained MNIST model under PGD-40, three radii.

    TLA_DATA=... python benchmarks/calibration.py studies/mnist/models/at-seed0/model.safetensors

Prints each measure with its 95 % interval next to the reference values (another training run of the same network: 8
epochs of PGD-7, 2,000 test images), and the zero point.
"""

import argparse
from pathlib import Path

import pandas as pd
import torch

from tla.attacks import ATTACKS, Untargeted
from tla.data import SOURCES
from tla.representation import ShiftReport, shift_report
from tla.retrieval import GalleryIndex
from tla.seeding import generator
from tla.threat import Threat
from tla.training import load_model
from tla.types import Model

REFERENCE = pd.DataFrame(
    {
        "accuracy": [95.0, 67.9, 17.0],
        "angle": [8.9, 20.3, 35.3],
        "margin of the misclassified": [-0.070, -0.037, -0.084],
        "purity_own": [0.929, 0.792, 0.339],
        "CKA": [0.982, 0.893, 0.657],
    },
    index=pd.Index([0.30, 0.35, 0.40], name="eps"),
)


def attacked(model: Model, x: torch.Tensor, y: torch.Tensor, eps: float) -> torch.Tensor:
    """PGD-40 to its last step, as for the reference; batches of 250."""
    pgd = ATTACKS.build("pgd", steps=40, step_size=0.01, pursuit="last_step")
    batches = []
    for number, (images, labels) in enumerate(zip(x.split(250), y.split(250), strict=True)):
        rng = generator(0, "calibration", number)
        batches.append(pgd(model, images, Untargeted(labels), Threat("linf", eps), generator=rng).adversarial)
    return torch.cat(batches)


def row(report: ShiftReport, against: str) -> dict[str, str]:
    """The measures of one radius as text: mean and interval."""
    summary = report.summary[report.summary["against"] == against].set_index(["measure", "group"])
    found = {"accuracy": f"{100 * (report.images['group'] == 'correct').mean():.1f}"}
    places = {"angle": ("angle", "all"), "purity_own": ("purity_own", "all")}
    places["margin of the misclassified"] = ("margin", "misclassified")
    for name, place in places.items():
        mean, low, high = summary.loc[place, ["mean", "low", "high"]].to_numpy(float)
        found[name] = f"{mean:.3f} [{low:.3f}, {high:.3f}]"
    if against == "adversarial":
        cka, low, high = report.layers.iloc[0][["cka", "low", "high"]].to_numpy(float)
        found["CKA"] = f"{cka:.3f} [{low:.3f}, {high:.3f}]"
    return found


def main() -> None:
    """Attack, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="model.safetensors of an adversarially trained MNIST model")
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    model = load_model(options.model).model
    train, test = SOURCES.build("mnist").load()
    x, y = test.floats(slice(options.images)), test.labels[: options.images]
    last = [name for name, _ in model.named_modules() if name.startswith("backbone")][-1]
    for eps in REFERENCE.index:
        report = shift_report(
            model, x, attacked(model, x, y, eps), y, train.pixels, train.labels, layers=(last,),
            index=lambda natural: GalleryIndex.build(natural.embedding, natural.y).positions,
        )  # fmt: skip
        print(f"eps {eps:.2f}")
        reference = REFERENCE.loc[eps].map("{:.3f}".format).to_dict()
        columns = {"here": row(report, "adversarial"), "reference": reference, "zero point": row(report, "clean")}
        print(pd.DataFrame(columns | {"same class": row(report, "same_class")}).to_string(na_rep="-"))


if __name__ == "__main__":
    main()

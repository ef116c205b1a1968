"""Training: how each model came to be."""

from tla.plots.learning_curves import learning_curves
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, section, table
from tla.plots.report.material import Material
from tla.plots.summary import number, percent

TITLE = "Training"


def trained(material: Material) -> str:
    """Learning curves and each model's last epoch."""
    history = material.table("history")
    if history is None:
        return absent("training", TITLE, "learning curves", "history", "train", material.name)
    lead = (
        "All methods share schedule, selection, batch normalisation and seeds; accuracies are on training images held "
        "out from training, never on the test set."
    )
    last = history.sort_values("epoch").groupby(["method", "seed"], as_index=False).last()
    seconds = history.groupby(["method", "seed"])["seconds"].sum()
    body = []
    for method in material.methods:
        for row in last[last["method"] == method].itertuples():
            took = float(seconds.get((row.method, row.seed), float("nan")))
            cells = [
                percent(float(row.clean_accuracy), 1),
                percent(float(row.robust_accuracy), 1),
                number(float(row.loss), 3),
            ]
            body.append(
                [f"<b>{material.label(method)}</b>", str(row.seed), str(int(row.epoch) + 1), *cells, f"{took:.1f}"]
            )
    device = material.fact("hardware", "device") or "unknown hardware"
    return section(
        "training",
        TITLE,
        lead,
        embedded("learning", lambda view: learning_curves(history, look=view), material.look),
        table(
            ["", "seed", "epochs", "clean, held out", "attacked, held out", "last loss", "seconds"],
            body,
            f"This study, last epoch; seconds on {device}.",
        ),
    )

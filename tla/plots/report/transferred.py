"""Images crafted on one model, evaluated on the others: the black-box column, and the whole matrix."""

from tla.plots.base import Frame
from tla.plots.drawing.theme import attack_label
from tla.plots.report.embed import embedded
from tla.plots.report.material import Material
from tla.plots.transfer_matrix import transfer_matrix, transfer_rates

PAPER = {
    "mnist": {"natural": 81.81, "at": 96.67, "alp": 96.95, "tla-rn": 97.69, "tla-sa": 97.65, "tla": 97.73},
    "cifar10": {"natural": 7.60, "at": 62.83, "alp": 67.27, "tla-rn": 66.96, "tla-sa": 61.67, "tla": 70.63},
}
"""Black-box accuracies (%) of Mao et al. 2019, recalled, not confirmed by the poster; their source model is not
known."""

HEAD = "Black box"


def black_box(transfer: Frame, method: str) -> Frame:
    """The row of the other model whose images fool a method most.

    Args:
        transfer: The `transfer` table.
        method: The target.

    Returns:
        One row of `transfer_rates`, or none.
    """
    rates = transfer_rates(transfer)
    others = rates[(rates["target"] == method) & (rates["source"] != method)]
    return others.nsmallest(1, "accuracy")


def black_box_cell(material: Material, method: str) -> str:
    """Accuracy on images crafted on the other model that fools most, and its name."""
    transfer = material.table("transfer")
    strongest = None if transfer is None else black_box(transfer, method)
    if strongest is None or strongest.empty:
        return '<td class="none"></td>'
    row = strongest.iloc[0]
    share = float(row["accuracy"])
    source = material.label(str(row["source"]))
    return f'<td class="tint" style="--v:{share:.3f}">{100 * share:.1f}<small>crafted on {source}</small></td>'


def paper_black_box(material: Material, method: str) -> str:
    """The paper's number, in brackets."""
    value = PAPER.get(str(material.recorded("data", "name")), {}).get(method)
    return '<td class="none"></td>' if value is None else f'<td class="paper">({value:.1f})</td>'


def transferred(material: Material) -> str:
    """The transfer matrix; "" if it was not measured."""
    transfer = material.table("transfer")
    if transfer is None:
        return ""
    attack, n = attack_label(str(transfer["attack"].iloc[0])), transfer["id"].nunique()
    seeds = transfer["seed"].nunique()
    note = (
        f"{attack} runs all its steps on the source; {n} images; every model attacks the models of its own seed"
        f"{f', means over {seeds} seeds' if seeds > 1 else ''}. Clean errors of the target count as fooled."
    )
    return embedded("transfer", lambda view: transfer_matrix(transfer, look=view), material.look, note=note)

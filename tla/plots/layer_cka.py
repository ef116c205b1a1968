"""How deep into the network the attack reaches."""

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import line
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look, escape


@figure("layer_cka", "layers")
def layer_cka(layers: Frame, *, look: Look = LIGHT, eps: float | int | None = None, seed: int | None = None) -> Figure:
    """Similarity (debiased linear CKA) of clean and adversarial activations, layer by layer.

    Args:
        layers: The `layers` table.
        look: Theme, width, source.
        eps: Which eps, by default the smallest.
        seed: The smallest by default.
    """
    rows = first_seed(layers, seed)
    rows = rows[rows["eps"] == (rows["eps"].min() if eps is None else eps)].sort_values("depth")
    styles = look.methods(rows["method"])
    sheet = Sheet(look, 1, height=320, left=60, foot=66)
    panel = sheet.panels[0]
    last: dict[str, float] = {}
    for method, style in styles.items():
        part = rows[rows["method"] == method].dropna(subset="cka")
        if len(part):
            sheet.add(panel, line(part["depth"].to_numpy(), part["cka"], style), key=method)
            last[style.label] = float(part["cka"].iloc[-1])
    names = rows.drop_duplicates("depth")
    ticks = {"tickvals": names["depth"].tolist(), "ticktext": [escape(str(name)) for name in names["layer"]]}
    sheet.axis(panel, {"title": "layer"} | ticks, {"title": "CKA, clean against adversarial", "range": [-0.02, 1.04]})
    if not last:
        sheet.empty(panel, "no layers were compared")
        return sheet.figure("Similarity of clean and adversarial activations: not measured", "n = 0.")
    return sheet.figure(
        f"Clean and adversarial activations in the last layer: {_words(last)}",
        "Debiased linear CKA on the study's test images; 1 = equal up to rotation and scale; "
        f"eps = {rows['eps'].iloc[0]:.4g}.",
    )


def _words(last: dict[str, float]) -> str:
    low, high = min(last, key=last.__getitem__), max(last, key=last.__getitem__)
    if f"{last[low]:.2f}" == f"{last[high]:.2f}":
        return f"CKA {last[low]:.2f} for {'every model' if len(last) > 1 else low}"
    return f"least alike for {low} ({last[low]:.2f}), most for {high} ({last[high]:.2f})"

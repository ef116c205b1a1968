"""The audit's verdicts: one per check and model."""

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.sheet import Sheet, wrap
from tla.plots.drawing.theme import DASH, LIGHT, Look, escape

SIGNS = {
    "OK": ("✓", 2, "square"),
    "WARN": ("!", 1, "diamond"),
    "FAIL": ("✕", 3, "x"),
    "NOT RUN": (DASH, 7, "circle-open"),
}


@figure("audit_verdicts", "audit")
def audit_verdicts(audit: Frame, *, look: Look = LIGHT) -> Figure:
    """The verdict of each audit check on each model, as sign and colour, with the evidence on hover.

    Args:
        audit: The `audit` table.
        look: Theme, width, source.
    """
    audit = audit.sort_values("number") if len(audit) else audit
    styles = look.methods(audit["method"])
    several = audit["seed"].nunique() > 1
    checks = list(
        dict.fromkeys(
            f"{number}. {escape(str(check))}" for number, check in zip(audit["number"], audit["check"], strict=True)
        )
    )
    sheet = Sheet(look, 1, height=max(60, 25 * len(checks)), left=190, foot=10, head=30)
    panel = sheet.panels[0]
    for verdict, (sign, colour, symbol) in SIGNS.items():
        rows = audit[audit["verdict"] == verdict]
        if rows.empty:
            continue
        x = [
            styles[str(m)].label + (f" {s}" if several else "")
            for m, s in zip(rows["method"], rows["seed"], strict=True)
        ]
        y = [f"{number}. {escape(str(check))}" for number, check in zip(rows["number"], rows["check"], strict=True)]
        hue = look.shades.ten[colour]
        trace = {
            "type": "scatter", "mode": "markers", "name": f"{sign} {verdict}", "x": x, "y": y,
            "customdata": [_words(e) for e in rows["evidence"]],
            "marker": {"symbol": symbol, "size": 14, "color": hue, "line": {"width": 1.5, "color": hue}},
            "hovertemplate": f"%{{y}} on %{{x}}: {verdict}<br>%{{customdata}}<extra></extra>",
        }  # fmt: skip
        sheet.add(panel, trace, key=verdict)
    names = [
        style.label + (f" {seed}" if several else "")
        for key, style in styles.items()
        for seed in sorted(audit.loc[audit["method"] == key, "seed"].unique())
    ]
    axis = {"type": "category", "showline": False, "ticks": ""}
    sheet.axis(panel, axis | {"side": "top", "categoryorder": "array", "categoryarray": names})
    sheet.axis(panel, None, axis | {"categoryorder": "array", "categoryarray": checks[::-1]})
    counts = audit["verdict"].value_counts()
    totals = ", ".join(f"{int(counts[verdict])} {verdict}" for verdict in SIGNS if verdict in counts)
    if audit.empty:
        sheet.empty(panel, "the audit was not run")
    return sheet.figure(
        f"Is this evaluation believable? {totals or 'The audit was not run'}",
        f"n = {len(checks)} checks on {len(names)} model{'' if len(names) == 1 else 's'}.",
    )


def _words(text: object) -> str:
    """Evidence in lines that fit a hover label."""
    return wrap(escape(str(text)), 420, 12)

"""Assembles the sections into one self-contained page."""

import json
from collections.abc import Callable
from html import escape
from pathlib import Path

from tla.pace import StageProgress, Stages
from tla.plots.report.audited import audited
from tla.plots.report.conditions import condition_headline, condition_tiles, conditions
from tla.plots.report.detected import detected
from tla.plots.report.embed import WIDTHS, colours, embedded
from tla.plots.report.headline import headline, tiles
from tla.plots.report.material import Material
from tla.plots.report.provenance import provenance
from tla.plots.report.representation import maps, measures
from tla.plots.report.retrieved import retrieved
from tla.plots.report.robustness import robustness
from tla.plots.report.swept import sweep_headline, swept
from tla.plots.report.trained import trained, warning
from tla.store import Store

SECTIONS = {
    "robustness": ("Accuracy", robustness),
    "maps": ("Maps", maps),
    "measures": ("Shift", measures),
    "detection": ("Detection", detected),
    "neighbours": ("Neighbours", retrieved),
    "training": ("Training", trained),
    "audit": ("Audit", audited),
    "provenance": ("Provenance", provenance),
}

SWEPT = {"sweep": ("Sweep", swept), "training": ("Training", trained), "provenance": ("Provenance", provenance)}
"""Sections of a sweep, which only trains and attacks."""

EMBEDDED = {
    "conditions": ("Conditions", conditions),
    **{name: SECTIONS[name] for name in ("maps", "measures", "detection", "neighbours", "provenance")},
}
"""Sections of a study of embeddings, which has no model; without classes there is no detection."""
WORDED = ("maps", "measures", "detection", "neighbours")
"""Those that speak of an attack, and in a study of embeddings of its condition."""


def write_report(
    store: Store,
    *,
    name: str = "report.html",
    points: int = 500,
    progress: Callable[[StageProgress], None] | None = None,
) -> Path:
    """Write a study's report: one self-contained HTML file that opens without a network.

    Args:
        store: The study; the page names missing tables with the step that makes them.
        name: File name in the study folder.
        points: Maximum number of points drawn in one panel of a map; more are thinned evenly.
        progress: Called before every section, and before the file is written.

    Returns:
        Path of the file.

    Raises:
        DamagedFileError: for a damaged manifest or table; nothing is written.
        OSError: without space or permission; the old file is untouched.
    """
    from plotly.offline import get_plotlyjs

    material = Material(store, points)
    text = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    data = material.recorded("data", "name")
    caption = material.recorded("study", "caption")
    sweep, embedded_only = material.recorded("sweep") is not None, bool(material.look.condition)
    sections = SWEPT if sweep else EMBEDDED if embedded_only else SECTIONS
    if embedded_only and material.table("detection") is None:
        sections = {name: made for name, made in sections.items() if name != "detection"}
    stages = Stages(progress, len(sections) + 2)
    stages.begin("reading")
    shown, numbers = (condition_headline, condition_tiles) if embedded_only else (headline, tiles)
    parts = {
        "title": escape(material.look.said(f"{material.name}: what an attack does to the representation")),
        "name": escape(material.name),
        "data": escape(f"on {data}" if data and data != material.name else ""),
        "caption": escape(f"{str(caption).rstrip('.')}. " if caption else ""),
        "headline": sweep_headline(material) if sweep else shown(material),
        "unfair": warning(material),
        "tiles": "" if sweep else numbers(material),
        "example": "" if sweep or embedded_only else _example(material),
        "nav": "".join(f'<a href="#{key}">{label}</a>' for key, (label, _) in sections.items()),
        "sections": "".join(_made(material, name, made, stages) for name, made in sections.items()),
        "source": escape(material.look.source),
        "version": escape(str(material.recorded("versions", "tla") or "")),
        "colours": json.dumps(colours()),
        "widths": json.dumps(WIDTHS),
        "plotly": get_plotlyjs().replace("</script", "<\\/script"),
    }
    stages.begin("writing")
    for key, value in parts.items():
        text = text.replace(f"<!--{key}-->", value, 1).replace(f"/*{key}*/null", value, 1)
    store.write_text(name, text)
    return store.path / name


def _made(material: Material, name: str, made: tuple[str, Callable[[Material], str]], stages: Stages) -> str:
    label, make = made
    stages.begin(f"drawing {label.lower()}")
    return material.look.said(make(material)) if name in WORDED else make(material)


def _example(material: Material) -> str:
    """An adversarial example of this study, if it stores pictures."""
    from tla.plots.attack_triptych import attack_triptych, fooled_image

    try:
        example = fooled_image(material.store)
    except FileNotFoundError:
        return ""
    return embedded("example", lambda view: attack_triptych(**example, look=view), material.look)

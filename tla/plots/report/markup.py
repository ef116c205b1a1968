"""Small pieces of HTML: tables, tiles, sections."""

from collections.abc import Sequence
from html import escape

import numpy as np

from tla.plots.drawing.theme import DASH
from tla.plots.drawing.words import percent, signed
from tla.statistics.intervals import Interval


def section(name: str, title: str, lead: str, *parts: str) -> str:
    """A section of the page.

    Args:
        name: Anchor.
        title: Heading.
        lead: Introduction, HTML.
        parts: Content, HTML.
    """
    body = "".join(parts)
    return f'<section id="{name}"><h2>{escape(title)}</h2><p class="lead">{lead}</p>{body}</section>'


def absent(name: str, title: str, what: str, table: str, step: str, study: str) -> str:
    """A section whose table is missing from the study: names the step that makes it.

    Args:
        name: Anchor.
        title: Heading.
        what: What it would show, a plural.
        table: The missing table.
        step: The step that makes it.
        study: Name of the study.
    """
    text = (
        f"Not in this study: {escape(what)} need the table <code>{escape(table)}</code>, "
        f"which the step <code>{escape(step)}</code> makes: <code>tla study {escape(study)}</code>."
    )
    return f'<section id="{name}"><h2>{escape(title)}</h2><p class="absent">{text}</p></section>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table that scrolls sideways on narrow screens; the first column stays in view.

    Args:
        head: Column headings, HTML.
        rows: Cells, HTML; a cell may include its own <td>.
        caption: Source of the numbers, HTML.
    """
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    top = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    body = "".join(f"<tr>{''.join(_cell(cell, i == 0) for i, cell in enumerate(row))}</tr>" for row in rows)
    return (
        f'<div class="card"><div class="scroll" tabindex="0" role="region" aria-label="table">'
        f"<table>{top}<tbody>{body}</tbody></table></div>"
        f'<p class="source">{caption}</p></div>'
    )


def _cell(cell: str, first: bool) -> str:
    if first:
        return f'<th scope="row">{cell}</th>'
    return cell if cell.startswith("<td") else f"<td>{cell}</td>"


def share_cell(value: Interval, *, best: bool = False) -> str:
    """A share in per cent with its interval, tinted by size; the best of a column can be marked.

    Args:
        value: In 0..1.
        best: Mark it.
    """
    if not np.isfinite(value.value):
        return f'<td class="none">{DASH}</td>'
    mark = ' <span class="best" title="largest of its column, or within its interval">&#9670;</span>' if best else ""
    bounds = f"{100 * value.low:.1f} to {100 * value.high:.1f}" if np.isfinite(value.low) else ""
    return f'<td class="tint" style="--v:{value.value:.3f}">{100 * value.value:.1f}{mark}<small>{bounds}</small></td>'


def number_cell(value: Interval, digits: int) -> str:
    """A number with its interval."""
    if not np.isfinite(value.value):
        return f'<td class="none">{DASH}</td>'
    bounds = f"{value.low:.{digits}f} to {value.high:.{digits}f}"
    return f"<td>{value.value:.{digits}f}<small>{bounds}</small></td>"


def tile(value: str, label: str, source: str, *, tone: str = "") -> str:
    """One number of the headline with its source.

    Args:
        value: The number, HTML.
        label: What it is, HTML.
        source: n, interval, origin, HTML.
        tone: "fail", "warn" and "not-run" stand out.
    """
    kind = f"tile {tone}".strip()
    return f'<div class="{kind}"><b>{value}</b><span>{label}</span><small>{source}</small></div>'


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return signed(100 * value) if np.isfinite(value) else DASH


def interval_text(value: Interval, digits: int = 0) -> str:
    """An interval of shares as text, "70 % to 78 %"."""
    return f"{percent(value.low, digits)} to {percent(value.high, digits)}"

"""All outputs of one cell."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbcompare.difference import Difference
from nbcompare.figures import compare_json
from nbcompare.pictures import compare_pictures
from nbcompare.text import compare_text

PLOTLY = "application/vnd.plotly.v1+json"
PICTURES = ("image/png", "image/jpeg")
GRAIN = 8
RANDOM = ("application/vnd.jupyter.widget-view+json",)

Render = Callable[[Any], bytes | None]


def compare_outputs(
    stored: Iterable[Mapping[str, Any]],
    shown: Iterable[Mapping[str, Any]],
    *,
    sanitize: Callable[[str], str] = str,
    render: Render = lambda figure: None,
) -> list[Difference]:
    """Compare the outputs of a cell, kind by kind: streams by name, shown data by MIME type.

    Warnings on stderr are pointed out and never fatal. A picture stored with a Plotly figure is compared with a
    rendering of the new figure, but only if the figures' data agree.

    Args:
        stored: The outputs in the notebook, in nbformat's form.
        shown: The new outputs.
        sanitize: Applied to both sides of every text (paths, times).
        render: Renders a Plotly figure (its JSON) as PNG; returns None if it cannot.
    """
    old, new = _by_kind(stored), _by_kind(shown)
    found: list[Difference] = []
    for kind in sorted(old.keys() | new.keys()):
        if len(old[kind]) != len(new[kind]):
            what = f"{len(old[kind])} stored, {len(new[kind])} now{_excerpt(new[kind])}"
            found.append(Difference(kind, what, kind != "stderr"))
            continue
        for number, pair in enumerate(zip(old[kind], new[kind], strict=True)):
            place = f"{kind}[{number}] " if len(old[kind]) > 1 else f"{kind} "
            found += [difference.inside(place) for difference in _compare(kind, *pair, sanitize)]
    if not any(difference.fatal for difference in found):
        found += _compare_drawings(stored, shown, render)
    return found


def _compare(kind: str, stored: Any, shown: Any, sanitize: Callable[[str], str]) -> list[Difference]:
    if kind in PICTURES:
        return compare_pictures(stored, shown)
    if isinstance(stored, str) and isinstance(shown, str):
        found = compare_text(sanitize(stored), sanitize(shown))
        return [difference._replace(fatal=difference.fatal and kind != "stderr") for difference in found]
    return compare_json(stored, shown)


def _compare_drawings(
    stored: Iterable[Mapping[str, Any]], shown: Iterable[Mapping[str, Any]], render: Render
) -> list[Difference]:
    old = [output["data"] for output in stored if PLOTLY in output.get("data", {})]
    new = [output["data"] for output in shown if PLOTLY in output.get("data", {})]
    found = []
    for number, (before, now) in enumerate(zip(old, new, strict=True)):
        drawn = before.get("image/png")
        again = drawn and (now.get("image/png") or render(now[PLOTLY]))
        if again:
            differences = compare_pictures(drawn, again, grain=GRAIN)
            found += [difference.inside(f"picture of figure {number} ") for difference in differences]
    return found


def _by_kind(outputs: Iterable[Mapping[str, Any]]) -> defaultdict[str, list[Any]]:
    kinds: defaultdict[str, list[Any]] = defaultdict(list)
    for output in outputs:
        if output["output_type"] == "stream":
            kinds[output["name"]].append(_joined(output["text"]))
        elif output["output_type"] == "error":
            kinds["error"].append(f"{output['ename']}: {output['evalue']}")
        else:
            data = output["data"]
            for kind, value in data.items():
                # A picture stored with a figure is a rendering of it, compared separately.
                if kind not in RANDOM and not (kind in PICTURES and PLOTLY in data):
                    kinds[kind].append(_joined(value))
    return kinds


def _joined(value: Any) -> Any:
    """Joins text that was stored as a list of lines."""
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "".join(value) if lines else value


def _excerpt(values: list[Any]) -> str:
    text = next((value for value in values if isinstance(value, str) and len(value) < 2000), "")
    return f": {text.strip()[:200]!r}" if text else ""

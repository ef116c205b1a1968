"""Save a figure: as a web page, a picture, vectors, its data, or plotly's JSON."""

import base64
import html
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tla.extras import PIP_LINES
from tla.plots.base import CONFIG, Figure
from tla.plots.drawing.compose import height_of, traces_of
from tla.plots.drawing.vectors import vectors
from tla.store import replacing

PICTURES = (".png", ".svg", ".pdf")
"""File types that need a browser."""
KINDS = (".html", *PICTURES, ".csv", ".json")
BROWSERS = ("chromium", "google-chrome", "chromium-browser", "chrome", "msedge")


def save(figure: Figure, path: Path, *, width: int = 1200, scale: float | int = 2.0, offline: bool = True) -> Path:
    """Write a figure in the format given by the file's extension.

    Args:
        figure: Any plotly figure.
        path: Ends in .html, .png, .svg, .pdf, .csv or .json; replaced atomically.
        width: Pixels of a .png, .svg or .pdf (1/96 inch each); use the look's width.
        scale: Device pixels per pixel of a .png.
        offline: Embed plotly.js (4.8 MB) in a .html; otherwise it is loaded over the network when opened.

    Returns:
        `path`.

    Raises:
        ValueError: for any other extension; lists the allowed ones.
        RuntimeError: for .png, .svg and .pdf without Chromium or kaleido; says how to install one.
        OSError: without space or permission.
    """
    path = Path(path)
    if path.suffix not in KINDS:
        raise ValueError(f"path must end in one of {', '.join(KINDS)}, got {path.name!r}")
    with replacing(path) as temporary:
        if path.suffix in PICTURES:
            temporary.write_bytes(picture(figure, path.suffix[1:], width=width, scale=scale))
        else:
            temporary.write_text(_text(figure, path.suffix, offline), encoding="utf-8")
    return path


def _text(figure: Figure, extension: str, offline: bool) -> str:
    if extension == ".html":
        return figure.to_html(
            config=CONFIG, include_plotlyjs=True if offline else "cdn", full_html=True, auto_play=False
        )
    if extension == ".json":
        return str(figure.to_json())
    return data_of(figure).map(_cell).to_csv(index=False)


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet shows as text: one that begins like a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def data_of(figure: Figure) -> pd.DataFrame:
    """What a figure shows, as a table: one row per point.

    Args:
        figure: Any plotly figure.

    Returns:
        Columns panel, trace, then x, y, u, v, z, id and the like where a trace has them; a band is its outline.
    """
    parts = []
    for trace in traces_of(figure):
        columns: dict[str, Any] = {}
        x = plain(trace["x"]) if "x" in trace else None
        if x is not None and x.size == 1 and x[0] is None:
            continue  # a legend entry, or the empty trace that keeps a panel's axes
        for name in ("x", "y", "u", "v", "customdata", "q1", "median", "q3", "lowerfence", "upperfence"):
            values = plain(trace[name]) if name in trace else None
            if values is not None and np.ndim(values) == 1:
                columns["id" if name == "customdata" else name] = pd.Series(values)
        part = _matrix(trace) if trace.type == "heatmap" else pd.DataFrame(columns)
        part.insert(0, "trace", trace.name)
        part.insert(0, "panel", (trace.xaxis or "x") if "xaxis" in trace else "x")
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["panel", "trace"])


def plain(values: Any) -> Any:
    """A trace's property as a numpy array, decoded where plotly has packed it into base64.

    Args:
        values: A trace's property: an array, a list, or plotly's {"dtype", "bdata"}.
    """
    if isinstance(values, dict) and "bdata" in values:
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
    return None if values is None else np.asarray(values)


def _matrix(trace: Any) -> pd.DataFrame:
    values = np.array(trace.z, dtype=float)
    x, y = list(trace.x), list(trace.y)
    grid = [(x[j], y[i], values[i, j]) for i in range(values.shape[0]) for j in range(values.shape[1])]
    return pd.DataFrame(grid, columns=["x", "y", "z"])


def picture(figure: Figure, kind: str, *, width: int = 1200, scale: float | int = 2.0) -> bytes:
    """A figure as PNG, SVG or PDF, rendered by a headless Chromium if there is one, else by kaleido.

    Args:
        figure: Any plotly figure.
        kind: "png", "svg" or "pdf".
        width: Pixels; the height is the figure's own.
        scale: Device pixels per pixel of a PNG.

    Raises:
        RuntimeError: if neither works; says how to install one.
    """
    height = int(height_of(figure))
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is not None:
        if kind != "pdf":
            return _through_browser(figure, kind, browser, width, height, scale)
        return _printed(_through_browser(figure, "svg", browser, width, height, scale), browser, width, height)
    try:
        drawn = figure if kind == "png" else vectors(json.loads(str(figure.to_json())))
        return type(figure)(drawn).to_image(format=kind, width=width, height=height, scale=scale)
    except Exception as error:
        raise RuntimeError(
            f"a {kind} needs Chromium or Chrome on the PATH, or the package kaleido with its own browser: "
            f"{PIP_LINES['kaleido']} && plotly_get_chrome ({type(error).__name__}: {error})"
        ) from None


_PAGE = """<!doctype html><meta charset="utf-8"><body style="margin:0"><div id="f"></div><pre id="out"></pre>
<script>%s</script><script>const f=%s;f.layout.width=%d;f.layout.height=%d;
const out=document.getElementById("out");
Plotly.newPlot("f",f.data,f.layout,{staticPlot:true}).then(g=>Plotly.toImage(g,{format:%s,width:%d,height:%d,scale:%g}))
.then(u=>{out.textContent="OK"+u},e=>{out.textContent="NO"+e})</script>"""


def _through_browser(figure: Figure, kind: str, browser: str, width: int, height: int, scale: float | int) -> bytes:
    from urllib.parse import unquote

    from plotly.offline import get_plotlyjs

    values = str(figure.to_json())
    if kind == "svg":
        values = json.dumps(vectors(json.loads(values)))
    values = values.replace("</", "<\\/")
    page = _PAGE % (get_plotlyjs(), values, width, height, json.dumps(kind), width, height, scale)
    with tempfile.TemporaryDirectory(prefix="tla-figure-") as folder:
        file = Path(folder) / "figure.html"
        file.write_text(page, encoding="utf-8")
        done = _run(browser, folder, [f"--window-size={width},{height}", "--dump-dom", file.as_uri()])
    output = done.stdout.decode(errors="replace").rpartition('<pre id="out">')[2].partition("</pre>")[0]
    if not output.startswith("OK"):
        reason = output[:200] or done.stderr.decode(errors="replace")[-300:]
        raise RuntimeError(f"{browser} could not render the figure: {reason}")
    head, _, body = output[2:].partition(",")
    if "base64" in head:
        return base64.b64decode(body)
    return unquote(html.unescape(body)).encode()


_SHEET = """<!doctype html><meta charset="utf-8"><style>@page{size:%dpx %dpx;margin:0}
html,body{margin:0;height:%dpx;overflow:hidden}svg{display:block}</style>%s"""


def _printed(svg: bytes, browser: str, width: int, height: int) -> bytes:
    """An SVG as a PDF of one page of the figure's size."""
    with tempfile.TemporaryDirectory(prefix="tla-figure-") as folder:
        file, pdf = Path(folder) / "figure.html", Path(folder) / "figure.pdf"
        file.write_text(_SHEET % (width, height, height - 1, svg.decode()), encoding="utf-8")
        done = _run(browser, folder, ["--no-pdf-header-footer", f"--print-to-pdf={pdf}", file.as_uri()])
        if not pdf.exists():
            raise RuntimeError(f"{browser} could not print the figure: {done.stderr.decode(errors='replace')[-300:]}")
        return pdf.read_bytes()


def _run(browser: str, folder: str, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--hide-scrollbars"]
    flags += ["--disable-background-networking", f"--user-data-dir={folder}/profile", "--virtual-time-budget=20000"]
    return subprocess.run([browser, *flags, *arguments], capture_output=True, timeout=120, check=False)

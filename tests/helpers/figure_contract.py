"""What holds for any figure."""

import inspect
import json
import math
import re

import numpy as np
import plotly.graph_objects as go
from synthetic import TABLES, arrays

from tla.plots import FIGURES, LIGHT, Pictures


def drawn(name, world, look=LIGHT, change=lambda frame: frame):
    """A figure of a synthetic world, without a folder."""
    function = FIGURES.get(name)
    frames = [change(TABLES[table](world)) for table in function.tables]
    extra = {table: change(TABLES[table](world)) for table in function.optional}
    if "pictures" in inspect.signature(function).parameters:
        extra["pictures"] = pictures(world)
    if name == "attack_triptych":
        found = arrays(world)
        noisy = found[f"adversarial/{world.methods[0]}-seed0"]["pgd@0.2"][0]
        frames = [found["images"]["test"][0], noisy, np.array([0.9, 0.1]), np.array([0.2, 0.8])]
    return function(*frames, look=look, **extra)


def pictures(world):
    found = arrays(world)
    ids = range(world.n)
    gallery = found["images"]["gallery"]
    return Pictures(
        test=dict(zip(ids, found["images"]["test"], strict=True)),
        gallery=dict(enumerate(gallery)),
        adversarial={
            f"{method}-seed{seed}": dict(zip(ids, found[f"adversarial/{method}-seed{seed}"]["pgd@0.2"], strict=True))
            for method in world.methods
            for seed in world.seeds
        },
    )


def check(figure, look):
    """What holds for any figure: valid JSON, a title, a caption, colours said, nothing that reads nan."""
    text = figure.to_json()
    values = json.loads(text)
    whole = go.Figure(json.loads(text))  # plotly's own check of every property, which drawing leaves out
    assert json.loads(whole.to_json()) == values
    layout = values["layout"]
    words = [layout["title"]["text"]] if "title" in layout else []
    words += [note["text"] for note in layout["annotations"]] + [trace.get("name", "") for trace in values["data"]]
    assert layout["meta"]["title"]
    assert layout["meta"]["caption"]
    assert len(words) > 0
    assert not [word for word in words if re.search(r"\b(nan|None|inf)\b", word)], words
    assert layout["template"]["layout"]["paper_bgcolor"] == look.shades.paper
    assert "http" not in text
    for trace in values["data"]:
        assert coloured(trace), f"streamlit would choose the colour of {trace['name']}"
        assert {"xaxis", "yaxis"} <= set(trace)
    for note in layout["annotations"]:
        for place in (note["x"], note["y"]):
            assert not isinstance(place, float) or math.isfinite(place)


def coloured(trace):
    if trace["type"] == "heatmap":
        return "colorscale" in trace
    marker, line = trace.get("marker", {}), trace.get("line", {})
    needs = {"markers": [marker], "lines": [line], "lines+markers": [marker, line]}
    return all("color" in part for part in needs.get(trace.get("mode", "markers"), []))

"""The palettes under simulated colour blindness, measured independently of how they were found."""

from itertools import combinations

import numpy as np
import pytest

from tla.plots.drawing.theme import DARK, DARK_TEN, LIGHT, LIGHT_TEN, SYMBOLS, Look, escape, methods_of, rgba

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
# Ottosson 2020: linear RGB -> OKLab
TO_LMS = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
          [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
TO_LAB = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
          [0.0259040371, 0.7827717662, -0.808675766]]  # fmt: skip


def linear(colour):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    light, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def least_distance(colours, blindness):
    seen = np.clip(np.array([linear(c) for c in colours]) @ np.array(BLINDNESS[blindness]).T, 0, 1)
    lab = np.cbrt(seen @ np.array(TO_LMS).T) @ np.array(TO_LAB).T
    return min(np.linalg.norm(lab[i] - lab[j]) for i, j in combinations(range(len(colours)), 2))


@pytest.mark.parametrize("palette", [LIGHT_TEN, DARK_TEN], ids=["light", "dark"])
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_ten_classes_can_be_told_apart(palette, blindness):
    assert len(set(palette)) == 10
    assert least_distance(palette, blindness) > 0.11


def test_a_common_palette_would_fail():
    common = [
        "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
        "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
    ]  # fmt: skip
    assert least_distance(common, "protanopia") < 0.01


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out(look):
    shades = look.shades
    assert contrast(shades.ink, shades.paper) > 12
    assert contrast(shades.soft, shades.paper) > 4.5
    assert contrast(shades.right, shades.panel) > 3
    assert contrast(shades.wrong, shades.panel) > 3
    assert min(contrast(colour, shades.paper) for colour in shades.ten) > 2.2
    for blindness in BLINDNESS:
        assert least_distance([shades.right, shades.wrong], blindness) > 0.2


def test_classes_differ_in_colour_or_symbol():
    looks = [(LIGHT.class_colour(k), LIGHT.class_symbol(k)) for k in range(100)]
    assert len(set(SYMBOLS)) == 10
    assert len(set(looks)) == 100


@pytest.mark.parametrize("count", [1, 6, 9, 10])
def test_methods_look_different_and_always_the_same(count):
    known = ["natural", "at", "alp", "tla-rn", "tla-sa", "tla", "trades", "at-awp", "fast"]
    names = [*known, "own"][:count]
    styles = LIGHT.methods(names)
    assert len({(style.colour) for style in styles.values()}) == count
    assert len({(style.symbol) for style in styles.values()}) == count
    assert styles["natural"] == LIGHT.methods(["natural"])["natural"]


def test_methods_come_in_their_order_and_unknown_ones_last():
    assert methods_of(["zeta", "tla", "natural", "alpha", "tla"]) == ["natural", "tla", "alpha", "zeta"]
    assert list(LIGHT.methods(["mine", "at"])) == ["at", "mine"]
    assert len({style.colour for style in LIGHT.methods(["a", "b", "c", "tla", "at"]).values()}) == 5


def test_names_from_a_study_are_escaped():
    look = Look(classes=("<b>x</b>", "a&b"))
    assert look.class_name(0) == "&lt;b&gt;x&lt;/b&gt;"
    assert look.class_name(1) == "a&amp;b"
    assert look.class_name(7) == "7"
    assert LIGHT.methods(["<i>"])["<i>"].label == "&lt;i&gt;"
    assert escape("<") == "&lt;"


def test_rgba():
    assert rgba("#155595", 0.25) == "rgba(21,85,149,0.25)"

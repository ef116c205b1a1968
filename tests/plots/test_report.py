"""The report: complete, incomplete and damaged studies; nothing loaded from outside; the same figures in the dark."""

import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from figure_contract import drawn
from synthetic import TABLES, World, write_store

from tla.plots import FIGURES, Look
from tla.plots.drawing.comparison import deciding
from tla.plots.report import embed, page, write_report
from tla.plots.report.embed import bare, colours, difference, recoloured
from tla.plots.report.headline import headline, tiles
from tla.plots.report.material import STEP_OF, Material
from tla.plots.report.robustness import robustness
from tla.statistics import failures, measure_intervals
from tla.store import DamagedFileError


class Page(HTMLParser):
    """Tags, attributes and visible words of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.skipping, self.open = [], [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.skipping += tag in ("script", "style")
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        self.skipping -= tag in ("script", "style")
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.skipping:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    store = write_store(tmp_path_factory.mktemp("report") / "study", World(n=60, methods=("natural", "at", "tla")))
    return write_report(store)


def test_it_says_how_far_it_has_got(tmp_path):
    seen = []
    store = write_store(tmp_path / "study", World(n=20, methods=("at", "tla")))
    write_report(store, progress=lambda now: seen.append((now.share, now.text)))
    assert seen[0] == (0.0, "reading")
    assert [share for share, _ in seen] == pytest.approx([k / len(seen) for k in range(len(seen))])
    assert [text for _, text in seen[1:-1]] == [f"drawing {label.lower()}" for label, _ in page.SECTIONS.values()]
    assert seen[-1][1] == "writing"


@pytest.fixture(scope="module")
def html(written):
    return written.read_text()


def without_plotly(page):
    """The page without the script of plotly itself (which contains addresses that it never loads by itself)."""
    start = page.index("<script>/**\n* plotly.js")
    return page[:start] + page[page.index("</script>", start) :]


def figures(page):
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)]


def test_one_file_with_nothing_from_outside(written, html):
    assert written.name == "report.html"
    assert written.stat().st_size < 8e6
    assert html.count("plotly.js v") == 1
    rest = without_plotly(html)
    assert not re.findall(r"""(?:src|href|action|data)\s*=\s*["']?\s*(?:https?:)?//""", rest)
    assert not re.findall(r"@import|url\(|fetch\(|XMLHttpRequest|import\(|<iframe|<object", rest)
    assert "http://" not in rest
    assert "https://" not in rest


def test_no_nan_and_no_placeholder(html):
    shown = Page(html)
    assert not shown.open
    words = [*shown.words, *(value or "" for _, found in shown.tags for value in found.values())]
    assert not [word for word in words if re.search(r"\b(nan|NaN|None|inf)\b", word)]
    assert not re.findall(r"<!--\w+-->|/\*\w+\*/null", without_plotly(html))
    for figure in figures(html):
        assert "NaN" not in json.dumps(figure)


def test_sections_ids_and_links(html):
    tags = Page(html).tags
    ids = [found["id"] for _, found in tags if "id" in found]
    assert len(ids) == len(set(ids))
    links = [found["href"] for tag, found in tags if tag == "a"]
    assert len(links) == 9
    assert {link.removeprefix("#") for link in links} <= set(ids)
    expected = {
        "figure-one-class", "figure-two-classes", "figure-arrows", "figure-bars", "figure-roc", "figure-rows",
        "figure-shift-measures", "figure-learning", "figure-audit", "figure-example",
    }  # fmt: skip
    assert expected <= set(ids)
    canvases = [found for tag, found in tags if tag == "div" and found.get("class") == "canvas"]
    assert all(found["role"] == "img" and len(found["aria-label"]) > 40 for found in canvases)


def test_the_table_shows_what_was_measured(html, tmp_path):
    attacks = TABLES["attacks"](World(n=60, methods=("natural", "at", "tla")))
    here = attacks[(attacks["attack"] == "cw") & (attacks["method"] == "tla")]
    assert f">{100 * (1 - here['success'].mean()):.1f}" in html
    same = attacks[(attacks["method"] == "at") & ((attacks["eps"] == 0.2) | (attacks["attack"] == "clean"))]
    worst = 1 - same.groupby("id")["success"].max().mean()
    row = re.search(r'<th scope="row"><b>AT</b></th>(.*?)</tr>', html)[1]
    transfer = TABLES["transfer"](World(n=60, methods=("natural", "at", "tla")))
    others = [1 - transfer.query("target == 'at' and source == @name")["success"].mean() for name in ("natural", "tla")]
    assert re.findall(r'">([\d.]+)', row)[-2:] == [f"{100 * worst:.1f}", f"{100 * min(others):.1f}"]


def test_risk_and_coverage_stand_beside_every_auc(html):
    rows = TABLES["detection"](World(n=60, methods=("natural", "at", "tla")))
    rows = rows[(rows["detector"] == "gaussian") & (rows["eps"] == rows["eps"].max()) & (rows["method"] == "at")]
    found = measure_intervals(failures(rows))
    assert f"<small>all rows {found['auroc'].value:.3f}, AUGRC {found['augrc'].value:.3f}</small>" in html
    for name in ("auroc", "aurc", "augrc", "e_augrc"):
        value = found[name]
        assert f"<td>{value.value:.3f}<small>{value.low:.3f} to {value.high:.3f}</small></td>" in html
    assert 'id="figure-risk"' in html


@pytest.mark.parametrize("scores", ["equal", "missing"])
@pytest.mark.usefixtures("one_width")
def test_scores_that_say_nothing(scores, tmp_path):
    store = write_store(tmp_path / "odd", World(n=20, methods=("at",)), without=("detection",))
    detection = TABLES["detection"](World(n=20, methods=("at",)))
    store.write_table("detection", detection.assign(score=1.0 if scores == "equal" else float("nan")))
    shown = Page(write_report(store).read_text())
    assert ("no image has a score" in shown.text or "nothing to accept" in shown.text) == (scores == "missing")
    assert not [word for word in shown.words if re.search(r"\b(nan|None)\b", word)]


def test_attacks_are_named_once_escaped(tmp_path):
    store = write_store(tmp_path / "study", World(n=10, methods=("at",)))
    study = store.manifest()["study"]
    store.note(study=study | {"attack": study["attack"] | {"suite": {"cw": {}, "pgd": {}}}})
    text = write_report(store).read_text()
    assert "C&amp;W, PGD" in text
    assert "&amp;amp;" not in text


def test_missing_tables_name_their_step(tmp_path):
    store = write_store(tmp_path / "bare", World(n=8, methods=("at",)), without=(*TABLES, "images"))
    text = Page(write_report(store).read_text()).text
    for table, step in STEP_OF.items():
        if table in ("retrieval", "trajectory", "layers", "ranking"):
            continue
        assert table in text
        assert table == "audit" or f"the step {step} makes" in text
    assert "The audit was not run on this study" in text
    assert "tla audit synthetic" in text
    assert "has run no attacks yet" in text


@pytest.fixture
def one_width(monkeypatch):
    """Figures for one width only, where a test is about the texts."""
    monkeypatch.setattr(embed, "WIDTHS", {"wide": 1110})


@pytest.mark.parametrize(
    "tables",
    [
        ("attacks",),
        ("map", "retrieval", "layers"),
        ("shift", "neighbours"),
        ("images", "detection", "history", "trajectory", "audit"),
    ],
)
@pytest.mark.usefixtures("one_width")
def test_any_table_may_be_missing(tables, tmp_path):
    store = write_store(tmp_path / "poor", World(n=20, methods=("at", "tla")), without=tables)
    Page(write_report(store).read_text())


@pytest.mark.parametrize(
    "world",
    [
        World(n=20, methods=("at", "tla"), hold=1.0),
        World(n=20, methods=("natural",), hold=0.0),
        World(n=12, methods=("tla", "own<b>"), classes=1),
        World(n=20, methods=("at", "tla"), seeds=(0, 1)),
    ],
    ids=["none misclassified", "all misclassified", "one class", "two seeds"],
)
@pytest.mark.usefixtures("one_width")
def test_edges(world, tmp_path):
    shown = Page(write_report(write_store(tmp_path / "edge", world)).read_text())
    assert ("own<b>" in shown.text.lower()) == ("own<b>" in world.methods)
    assert not [word for word in shown.words if re.search(r"\b(nan|None)\b", word)]


def test_an_empty_folder_is_no_error(tmp_path):
    from tla.store import Store

    assert "has run no attacks yet" in write_report(Store(tmp_path / "nothing")).read_text()


def test_damage_is_named_and_nothing_written(tmp_path):
    store = write_store(tmp_path / "hurt", World(n=8, methods=("at",)))
    (store.path / "tables" / "shift.parquet").write_bytes(b"damaged")
    with pytest.raises(DamagedFileError, match=r"shift\.parquet is not the file that this study wrote"):
        write_report(store)
    assert not (store.path / "report.html").exists()


def test_twice_is_the_same(written, tmp_path):
    copy = tmp_path / "again"
    shutil.copytree(written.parent, copy)
    from tla.store import Store

    assert write_report(Store(copy), name="other.html").read_bytes() == written.read_bytes()


@pytest.mark.parametrize("name", FIGURES.names())
def test_the_dark_figure_is_the_light_one_recoloured(name):
    """As the page's script does, instead of storing every figure twice."""
    world = World(n=30, methods=("natural", "at", "tla"))
    light, dark = (json.loads(drawn(name, world, Look(theme=theme)).to_json()) for theme in ("light", "dark"))
    assert recoloured(light, colours()) == dark


def test_colours_map_one_to_one():
    pairs = colours()
    assert len(set(pairs)) == len(pairs)
    assert recoloured("rgba(21,85,149,0.14)", pairs) == "rgba(89,161,255,0.14)"
    assert recoloured(["#808080", {"a": "#ffffff"}, 3], pairs) == ["#808080", {"a": "#0f141b"}, 3]


def apply(base, changes):
    """Apply a difference, as the page's script does."""
    found = json.loads(json.dumps(base))
    for path, *value in changes:
        place = found
        for key in path[:-1]:
            place = place[key]
        if value:
            place[path[-1]] = value[0]
        else:
            del place[path[-1]]
    return found


@pytest.mark.parametrize("name", [name for name in FIGURES.names() if name != "poster"])
def test_narrow_figures_come_back_from_their_difference(name):
    world = World(n=30, methods=("natural", "at", "tla"))
    wide, narrow = (bare(json.loads(drawn(name, world, Look(width=width)).to_json())) for width in (1110, 345))
    changes = difference(wide, narrow)
    assert apply(wide, json.loads(json.dumps(changes))) == narrow
    assert "title" not in narrow["layout"]
    assert 0 < narrow["layout"]["margin"]["t"] < narrow["layout"]["height"]


def test_difference_by_hand():
    assert difference({"a": 1, "b": [1, 2]}, {"b": [1, 3], "c": 4}) == [[["a"]], [["b", 1], 3], [["c"], 4]]
    assert difference({"a": [1]}, {"a": [1, 2]}) == [[["a"], [1, 2]]]


def study_of(tmp_path, shares, seeds=(0,)):
    """A study with these worst-case accuracies, by method; with several seeds they spread a little."""
    from tla.store import Store

    rows = []
    for method, share in shares.items():
        for seed in seeds:
            for i in range(200):
                rows += [
                    (method, seed, "clean", 0.0, i, 0, 0, 0, False),
                    (method, seed, "pgd", 0.1, i, 0, 0, 1, i >= (share + 0.01 * (seed % 3)) * 200),
                ]
    columns = ["method", "seed", "attack", "eps", "id", "y", "clean_prediction", "prediction", "success"]
    store = Store(tmp_path)
    store.write_table("attacks", pd.DataFrame(rows, columns=columns))
    return Material(store)


def test_one_training_gives_no_verdict_anywhere(tmp_path):
    material = study_of(tmp_path, {"at": 0.5, "tla": 0.75})
    lead, page = headline(material), robustness(material)
    assert "<strong>this TLA is right on 75 %</strong> of 200 test images (AT 50 %)" in lead
    assert "this TLA keeps 50 images that this AT loses, and loses 0 that it keeps" in lead
    assert "To decide, train more: --seeds 0 1 2 3 4." in lead
    for text in (lead, page):
        assert not re.search("chance|leads|falls behind|verdict</th>", text)
        assert "One training each is no verdict about the methods" in text


def test_given_networks_are_not_told_to_train_more(tmp_path):
    material = study_of(tmp_path, {"mine": 0.5, "theirs": 0.75})
    for text in (headline(material), robustness(material)):
        assert "not for how they were made: another training of either may turn it round" in text
        assert "--seeds" not in text
    one, other = (deciding(names) for names in (("mine", "theirs"), ("mine", "tla@pool=250")))
    assert one == "Another training of either may turn it round"
    assert other.endswith("; train more: --seeds 0 1 2 3 4")


def test_several_trainings_give_a_verdict_or_say_that_there_is_none(tmp_path):
    seeds = (0, 1, 2, 3)
    lead = headline(study_of(tmp_path / "a", {"at": 0.5, "tla": 0.75}, seeds))
    assert "TLA is right on 76 %" in lead
    assert "TLA leads AT by more than chance explains (+25.0 points" in lead
    behind = study_of(tmp_path / "b", {"at": 0.75, "tla": 0.5}, seeds)
    assert "TLA falls behind AT by more than chance explains" in headline(behind)
    assert "lower, beyond chance" in robustness(behind)
    equal = study_of(tmp_path / "c", {"at": 0.5, "tla": 0.505}, seeds)
    assert "4 trainings each show no difference (+0.5 points" in headline(equal)
    assert "TLA and AT, too close to tell apart, are right on 51 %" in headline(equal)
    assert "no difference shown" in robustness(equal)
    assert "largest worst-case accuracy: TLA; within its interval also AT" in tiles(equal)


@pytest.mark.parametrize(
    ("verdicts", "word", "text"),
    [
        (["OK", "FAIL", "WARN"], "FAIL", "Audit: FAIL (check1) on 1 of 1 models: do not believe these accuracies"),
        (["OK", "WARN", "NOT RUN"], "WARN", "Audit: WARN (check1)"),
        (["OK", "OK", "NOT RUN"], "OK", "Audit: OK (2 checks passed, none failed)"),
        (["NOT RUN"] * 3, "NOT RUN", "no check could be run"),
        (None, "NOT RUN", "Not audited: nothing says whether the attacks were strong enough"),
    ],
)
def test_the_first_tile_is_the_audit(tmp_path, verdicts, word, text):
    material = study_of(tmp_path, {"at": 0.5})
    if verdicts:
        checks = [f"check{i}" for i in range(3)]
        material.store.write_table(
            "audit", pd.DataFrame({"method": "at", "seed": 0, "check": checks, "verdict": verdicts})
        )
    first = re.match('<div class="tile ([a-z-]+)"><b>(.*?)</b><span>(.*?)</span>', tiles(material))
    assert (first[1], first[2]) == (word.lower().replace(" ", "-"), word)
    assert text in first[3]


@pytest.mark.browser
def test_in_a_browser_it_draws_everything_and_loads_nothing(written, chromium):
    requested, errors = [], []
    page = chromium.new_page(viewport={"width": 600, "height": 900}, color_scheme="dark")
    page.set_default_timeout(120_000)
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(written.as_uri())
    page.wait_for_function("cards.every(item => item.drawn)")
    count = page.evaluate("document.querySelectorAll('.js-plotly-plot').length")
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    dark = page.evaluate("cards[0].canvas.layout.template.layout.paper_bgcolor")
    page.click("#theme")
    page.wait_for_function("cards[0].canvas.layout.template.layout.paper_bgcolor === '#ffffff'")
    label = page.inner_text("#theme")
    page.context.close()
    assert not errors
    assert [url for url in requested if not url.startswith(("file:", "data:", "blob:"))] == []
    assert count == len(figures(written.read_text()))
    assert beyond == 0
    assert dark == "#0f141b"
    assert label == "Theme: light"

"""An explorer saved as a file, opened from disk without a network."""

import numpy as np
import pandas as pd
import pytest
from browser import lasso, opened
from dashboard import make_study
from playwright.sync_api import expect
from synthetic import World

from tla.cli import main
from tla.plots.drawing.words import misclassified
from tla.widgets.page import page
from tla.widgets.scene import MapScene
from tla.widgets.sources import source_of
from tla.widgets.study_page import save_study
from tla.widgets.whole import whole

pytestmark = pytest.mark.browser
STATE = "document.querySelector('.tla-maps').tlaMaps"


@pytest.fixture
def show(chromium, tmp_path):
    """Opens the explorer of a study or of frames: `with show(source, focus=3) as page`."""

    def saved(source, *, context=None, **options):
        file = save_study(source_of(source), tmp_path / "explorer.html", **options)
        return opened(chromium, file.as_uri(), **(context or {}))

    return saved


def selected(page):
    return page.locator(".count").inner_text()


def test_the_command_line_writes_it(tmp_path, capsys, chromium):
    file = tmp_path / "explorer.html"
    assert main(["explore", "digits", "--out", str(file), "--focus", "25"]) == 0
    assert str(file) in capsys.readouterr().out
    assert file.stat().st_size < 15e6
    with opened(chromium, file.as_uri()) as shown:
        assert shown.locator("figure .map").count() == 3
        assert shown.locator(".nearest .tile").count() == 3 * 2 * 7
        assert shown.locator(".paths svg").count() == 3
        assert shown.locator(".cut svg").count() == 7
        assert shown.locator(".images .picture").count() == 28
        assert "1 of 3 methods correct" in shown.locator(".focus-text").inner_text()
        assert "://" not in file.read_text().replace("http://www.w3.org/2000/svg", "")


def test_a_lasso_selects_in_all_maps_and_what_is_drawn_dims(show, small):
    with show(small) as shown:
        first = shown.locator(".map").first
        lasso(shown, first)
        assert selected(shown) == "60 of 60 selected"
        lasso(shown, first, (0.5, 0.01, 0.99, 0.99))
        count = int(selected(shown).split()[0])
        assert 0 < count < 60
        levels = shown.evaluate(f"[...{STATE}.panels.values()].map(({{points}}) => [...points.style.level])")
        assert [row.count(2) for row in levels] == [count] * 3
        assert [row.count(1) for row in levels] == [60 - count] * 3
        assert shown.locator(".images .tile").count() == min(60, count)
        assert f"of {count} selected" in shown.locator("figcaption").first.inner_text()
        first.focus()
        shown.keyboard.press("Escape")
        assert selected(shown) == "60 images"


def test_the_head_of_a_map_counts_the_misclassified_attacked_and_clean(show, small):
    scene = MapScene.of(small)
    with show(small) as shown:
        heads = shown.locator("figcaption b").all_inner_texts()
        assert heads == [
            f"{one.label}: {misclassified(np.mean(one.prediction != scene.y), np.mean(one.clean != scene.y))}"
            for one in scene.maps
        ]


def test_the_lasso_holds_the_points_that_are_inside_it(show, small):
    """The right half of a map: the ids that the table puts there."""
    with show(small) as shown:
        lasso(shown, shown.locator(".map").first, (0.5, 0.01, 0.99, 0.99))
        found = shown.evaluate(f"{STATE}.scene.chosen()")
        place = "(k) => { const map = [...document.querySelector('.tla-maps').tlaMaps.panels.values()][0].points;"
        middle = shown.evaluate(place + " return map.place(k)[0] / map.width }", 0)
    scene = MapScene.of(small)
    u = scene.maps[0].start[:, 0]
    right = [k for k in range(60) if u[k] > np.median(u[found]) or k in found]
    assert set(found) <= set(right)
    assert min(u[found]) > max(np.delete(u, found)) - 1e-6
    assert 0 < middle < 1


def test_shift_adds_and_alt_takes_away(show, small):
    with show(small) as shown:
        first = shown.locator(".map").first
        lasso(shown, first, (0.5, 0.01, 0.99, 0.99))
        half = int(selected(shown).split()[0])
        shown.keyboard.down("Shift")
        lasso(shown, first, (0.01, 0.01, 0.5, 0.99))
        shown.keyboard.up("Shift")
        assert selected(shown) == "60 of 60 selected"
        shown.keyboard.down("Alt")
        lasso(shown, first, (0.5, 0.01, 0.99, 0.99))
        shown.keyboard.up("Alt")
        assert selected(shown) == f"{60 - half} of 60 selected"


def test_zoom_and_selection_survive_every_control(show, small):
    with show(small, methods=["natural", "at"]) as shown:
        first = shown.locator(".map").first
        lasso(shown, first, (0.3, 0.3, 0.9, 0.9))
        count = selected(shown)
        first.hover()
        shown.mouse.wheel(0, -300)
        view = shown.evaluate(f"({{...[...{STATE}.panels.values()][0].points.view}})")
        assert view["zoom"] > 1.2
        shown.locator("select").first.select_option("flipped")
        shown.get_by_role("button", name="TLA").click()
        shown.locator("input[type=range]").first.fill("0.5")
        shown.locator("#theme").click()
        assert shown.evaluate(f"({{...[...{STATE}.panels.values()][0].points.view}})") == view
        assert selected(shown) == count
        assert shown.locator(".map").count() == 3
        first.dblclick()
        assert shown.evaluate(f"[...{STATE}.panels.values()][0].points.view.zoom") == 1


def test_a_press_on_a_point_is_the_focus_and_its_picture_shows(show, small):
    with show(small) as shown:
        place = "(k) => [...document.querySelector('.tla-maps').tlaMaps.panels.values()][1].points.place(k)"
        spot = shown.evaluate(place, 7)
        box = shown.locator(".map").nth(1).bounding_box()
        shown.mouse.move(box["x"] + spot[0], box["y"] + spot[1])
        assert "image 7: 7" in shown.locator(".hover").inner_text()
        assert shown.locator(".hover .picture").count() == 2
        shown.mouse.down()
        shown.mouse.up()
        expect(shown.locator(".focus-bar input")).to_have_value("7")
        assert "Nearest training images of image 7" in shown.locator(".nearest h3").inner_text()


def test_arrow_keys_walk_from_point_to_point(show, small):
    """To the nearest in that direction, what lies aside counting three times; Enter makes it the focus."""
    steps = {"ArrowRight": (1, 0), "ArrowDown": (0, 1), "ArrowLeft": (-1, 0), "ArrowUp": (0, -1)}
    with show(small, focus=7) as shown:
        first = shown.locator(".map").first
        points = f"{STATE}.panels.values().next().value.points"
        places = np.array(shown.evaluate(f"Array.from({{length: 60}}, (_, k) => {points}.place(k))"))
        first.focus()
        here = 7
        for key, (right, down) in [*steps.items(), *steps.items()]:
            shown.keyboard.press(key)
            dx, dy = (places - places[here]).T
            along, aside = dx * right + dy * down, abs(dx * down) + abs(dy * right)
            far = np.where((along >= 1.5) & (aside <= along), along + 2 * aside, np.inf)
            far[here] = np.inf
            here = int(far.argmin()) if np.isfinite(far.min()) else here
            at = shown.evaluate(f"{points}.gestures.walk.at")
            assert at == here or (at == -1 and here == 7)
        expect(shown.locator(".hover")).to_contain_text(f"image {here}:")
        shown.keyboard.press("Enter")
        assert shown.evaluate(f"{STATE}.state.focus") == here
        assert "arrow keys go to the nearest point" in first.get_attribute("aria-label")
        zoom = shown.evaluate(f"{points}.view")
        shown.keyboard.press("Shift+ArrowRight")
        assert shown.evaluate(f"{points}.view.x") == zoom["x"] - 40


def test_ten_fast_presses_move_ten(show, small):
    with show(small, focus=5) as shown:
        for _ in range(10):
            shown.keyboard.press("k")
            shown.wait_for_timeout(40)
        expect(shown.locator(".focus-bar input")).to_have_value("15")  # drawn with the next frame
        for _ in range(12):
            shown.keyboard.press("j")
        expect(shown.locator(".focus-bar input")).to_have_value("3")


def test_the_morph_moves_every_point_to_its_adversarial_place(show, small):
    with show(small) as shown:
        spots = f"""(morph) => {{ {STATE}.set('morph', morph);
          const all = Array.from({{length: 60}}, (_, k) => k);
          return [...{STATE}.panels.values()].map(({{points}}) => all.map((k) => points.place(k))) }}"""
        start, end = shown.evaluate(spots, 0), shown.evaluate(spots, 1)
        middle = shown.evaluate(spots, 0.5)
        np.testing.assert_allclose(middle, (np.array(start) + np.array(end)) / 2, atol=0.01)
        shown.get_by_role("button", name="Play").first.click()
        shown.wait_for_timeout(400)
        assert 0 < shown.evaluate(f"{STATE}.state.morph") < 1
        shown.wait_for_timeout(2000)
        assert shown.evaluate(f"{STATE}.state.morph") == 1


def test_the_threshold_counts_as_the_library_does(show, small):
    from tla.statistics import Sides, roc_curve
    from tla.widgets.detection import Detection

    found = Detection.of(small, eps=0.2)
    with show(small) as shown:
        handle = shown.get_by_label("Clean images refused")
        for share in (0.0, 0.05, 0.1, 0.3, 0.5):
            handle.fill(str(100 * share))
            rows = shown.locator(".cut tbody tr")
            for place, method in enumerate(found.methods):
                positive, negative = found.positive[method], found.negative[method]
                curve = roc_curve(Sides(positive.score, negative.score))
                threshold = curve.threshold[curve.at_fpr(share)]
                cells = [rows.nth(place).locator("td").nth(k).inner_text() for k in range(4)]
                counts = [(positive.score >= threshold).sum(), (positive.score < threshold).sum(),
                          (negative.score >= threshold).sum(), (negative.score < threshold).sum()]  # fmt: skip
                assert [int(cell.split()[0]) for cell in cells] == counts
        rows.first.locator("button").nth(1).click()
        assert selected(shown).startswith(str(len(set(positive_passed(found, "natural", 0.5)))))


def positive_passed(found, method, share):
    from tla.statistics import Sides, roc_curve

    positive, negative = found.positive[method], found.negative[method]
    curve = roc_curve(Sides(positive.score, negative.score))
    return positive.ids[positive.score < curve.threshold[curve.at_fpr(share)]]


def test_names_with_markup_are_text(chromium, tmp_path):
    evil = "<img src=x onerror=\"document.title='broken'\">"
    store = make_study(tmp_path / "evil", world=World(methods=("at",), n=20, classes=4))
    manifest = store.manifest()
    store.note(
        data=manifest["data"] | {"classes": [evil, "</script><b>", "a & b", "d"]},
        study=manifest["study"] | {"name": evil},
    )
    file = save_study(store, tmp_path / "evil.html", focus=0)
    with opened(chromium, file.as_uri()) as shown:
        assert shown.locator("h1").inner_text().startswith(evil)
        assert evil in shown.locator(".legend").inner_text()
        assert shown.locator("img").count() == 0
        assert shown.locator(".entry b").count() == 0
        assert "broken" not in shown.title().replace(evil, "")


@pytest.mark.parametrize("renderer", ["webgl", "canvas"])
def test_both_renderers_draw_the_same(chromium, tmp_path, small, renderer):
    """Where a point is drawn, and only there; the number of inked pixels of both is about the same."""
    scene = MapScene.of(small)
    data = whole(small, scene, {"renderer": renderer, "methods": ["at"], "arrows": "none", "focus": None})
    file = tmp_path / "page.html"
    file.write_text(page("explorer", data, renderer))
    count = """() => { const map = [...document.querySelector('.tla-maps').tlaMaps.panels.values()][0].points;
      map.draw();
      const copy = document.createElement('canvas');
      Object.assign(copy, {width: map.canvas.width, height: map.canvas.height});
      const context = copy.getContext('2d'); context.drawImage(map.canvas, 0, 0);
      const {data} = context.getImageData(0, 0, copy.width, copy.height);
      const paper = data.slice(0, 3).join();
      let inked = 0;
      for (let k = 0; k < data.length; k += 4) if (data.slice(k, k + 3).join() !== paper) inked += 1;
      const hits = Array.from({length: 60}, (_, k) => { const [x, y] = map.place(k);
        const at = 4 * (Math.round(y) * copy.width + Math.round(x)); return data.slice(at, at + 3).join() !== paper; });
      return [map.renderer.kind, inked, hits.filter(Boolean).length] }"""
    with opened(chromium, file.as_uri()) as shown:
        while not shown.evaluate(f"[...{STATE}.panels.values()][0].points.width > 0"):
            shown.wait_for_timeout(50)  # until it is laid out
        kind, inked, hits = shown.evaluate(count)
    assert kind == renderer
    assert hits == 60
    assert 60 * 15 < inked < 60 * 75


def test_a_lost_context_is_drawn_without_webgl(chromium, tmp_path, small):
    data = whole(small, MapScene.of(small), {"renderer": "webgl", "methods": ["at"]})
    file = tmp_path / "page.html"
    file.write_text(page("explorer", data, "lost"))
    lose = "[...document.querySelector('.tla-maps').tlaMaps.panels.values()][0].points.renderer.remove()"
    with opened(chromium, file.as_uri()) as shown:
        shown.evaluate(lose)
        shown.wait_for_selector(".map[data-renderer=canvas]")
        lasso(shown, shown.locator(".map").first)
        assert selected(shown) == "60 of 60 selected"


@pytest.mark.parametrize("case", ["no pictures", "one method", "two images", "nan", "thousand classes", "bare frame"])
def test_odd_studies_open(show, tmp_path, case):
    world = {
        "one method": World(methods=("at",), n=20), "two images": World(methods=("at", "tla"), n=2),
        "thousand classes": World(methods=("at", "tla"), n=2000, classes=1000),
    }.get(case, World(methods=("natural", "at"), n=30))  # fmt: skip
    store = make_study(tmp_path / "odd", complete=False, world=world)
    source = store
    if case == "no pictures":
        (store.path / "arrays" / "images.safetensors").unlink()
    table = store.table("map")
    if case == "nan":
        source = {"map": table.assign(u=np.where(table["id"] % 3 == 0, np.nan, table["u"]))}
    if case == "bare frame":
        source = pd.DataFrame(table.query("method == 'at'").drop(columns=["method", "seed", "projection"]))
    with show(source, focus=1) as shown:
        assert shown.locator(".map").count() == (1 if case in ("one method", "bare frame") else 2)
        lasso(shown, shown.locator(".map").first, (0.01, 0.01, 0.99, 0.99))
        n = world.n - (10 if case == "nan" else 0)
        assert selected(shown) == f"{n} of {world.n} selected"
        if case == "nan":
            assert "10 without a place in this map" in shown.locator("figcaption").first.inner_text()
        if case == "thousand classes":
            assert shown.locator(".entry").count() == 21
            shown.get_by_label("find a class").fill("999")
            shown.keyboard.press("Enter")
            assert selected(shown) == "2 of 2000 selected"


@pytest.mark.parametrize("width", [1400, 1000, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows(show, small, width, scheme):
    with show(small, focus=1, context={"viewport": {"width": width, "height": 900}, "color_scheme": scheme}) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.evaluate("document.documentElement.dataset.theme") == scheme
        paper = shown.evaluate(f"{STATE}.colours.paper")
        assert (sum(paper) > 600) == (scheme == "light")


def test_fingers_pinch_and_draw(show, small):
    with show(small, context={"has_touch": True, "viewport": {"width": 420, "height": 900}}) as shown:
        box = shown.locator(".map").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = shown.context.new_cdp_session(shown)

        def send(kind, *points):
            spots = [{"x": px, "y": py, "id": k} for k, (px, py) in enumerate(points)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

        send("touchStart", (x - 30, y))
        send("touchStart", (x - 30, y), (x + 30, y))
        send("touchMove", (x - 90, y), (x + 90, y))
        send("touchEnd")
        assert shown.evaluate(f"[...{STATE}.panels.values()][0].points.view.zoom") == pytest.approx(3, rel=0.05)
        assert selected(shown) == "60 images"

"""What a user does, in a real browser: click, draw, move sliders, follow a link, come back."""

import time
from urllib.parse import parse_qs, urlparse

import pytest
from browser import lasso
from served import served, settled

pytestmark = [pytest.mark.browser, pytest.mark.more]
playwright = pytest.importorskip("playwright.sync_api", reason="pytest-playwright is not installed")


@pytest.fixture(scope="module")
def server(made):
    """The dashboard on the synthetic study; gives its address."""
    with served(made) as address:
        yield address


@pytest.fixture
def visit(server, chromium):
    """Opens an address of the dashboard in a fresh session: `visit("shift?focus=3")`."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def go(path=""):
        page.goto(f"{server}/{path}")
        page.wait_for_selector("[data-testid=stMain] h1")
        return page

    yield go
    context.close()
    assert not errors, errors


def query(page):
    return {key: values[0] for key, values in parse_qs(urlparse(page.url).query).items()}


def until(page, check, what):
    end = time.monotonic() + 60
    while not check():
        assert time.monotonic() < end, what
        page.wait_for_timeout(50)


def unfold_code(page):
    """The Python of a page is made once it is asked for."""
    page.get_by_text("Show code", exact=True).click()


def test_a_clicked_picture_becomes_the_focus_and_stays_on_the_next_page(visit):
    page = visit("shift?focus=5")
    tile = page.get_by_role("group", name="images of the selection").get_by_role("button").nth(2)
    chosen = tile.get_attribute("aria-label").split(":")[0].removeprefix("image ")
    tile.focus()
    page.keyboard.press("Enter")
    until(page, lambda: query(page).get("focus") == chosen, "the focus did not follow")
    page.get_by_role("link", name="Neighbours").first.click()
    page.wait_for_selector("h1:has-text('Neighbours')")
    assert query(page).get("focus") == chosen
    other = visit(f"neighbours?{urlparse(page.url).query}")
    settled(other)
    unfold_code(other)
    other.wait_for_selector(f"text=id == {chosen}")


def drawn_path(page):
    """The path in the first map: prediction, wrong, breaks, and the colour and symbol of each step."""
    return page.evaluate("""() => {
        const root = [...document.querySelectorAll("*")].map((one) => one.shadowRoot?.querySelector(".tla-maps"));
        const { points } = root.find(Boolean).tlaMaps.panels.values().next().value;
        const { style, prediction, wrong, breaks } = points.scene.path;
        return { prediction, wrong, breaks, colour: Array.from(style.colour), symbol: Array.from(style.symbol) };
    }""")


def test_a_path_has_the_colours_of_the_legend_and_becomes_a_fan(visit):
    page = visit("trajectory?study=made&focus=2&path_methods=tla")
    page.locator(".map").first.wait_for()
    settled(page)
    path = drawn_path(page)
    assert path["colour"] == [k % 10 for k in path["prediction"]]
    assert path["symbol"] == [(k + k // 10) % 10 for k in path["prediction"]]
    page.get_by_label("Colour").select_option("flipped")
    path = drawn_path(page)
    assert path["colour"] == [12 if one else 11 for one in path["wrong"]]
    page.get_by_role("button", name="Attack again from 8 random starts").click()
    page.wait_for_selector("text=Starts that flip image 2")
    until(page, lambda: len(drawn_path(page)["breaks"]) == 7, "the map shows no fan")


def test_a_pressed_bar_shows_its_images_and_a_pressed_image_becomes_the_focus(visit):
    page = visit("robustness?study=made&focus=5&robust_methods=at&robust_methods=tla")
    bar = page.locator(".js-plotly-plot").first.locator(".barlayer .trace").nth(1).locator(".point path").nth(1)
    bar.wait_for(state="attached")
    settled(page)
    box = bar.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 0.75 * box["height"])
    page.wait_for_selector("text=/FGSM turns \\d+ of the \\d+ images that TLA gets right/")
    shown = page.get_by_role("group", name="images behind the bar").get_by_role("button")
    shown.first.wait_for()
    chosen = shown.last.get_attribute("aria-label")
    shown.last.focus()
    page.keyboard.press("Enter")
    until(page, lambda: query(page).get("focus") not in (None, "5"), "the focus did not follow")
    assert f"image {query(page)['focus']}" in chosen
    page.wait_for_selector("text=/FGSM turns/")


def test_a_point_of_a_map_and_two_lassos_choose_images(visit):
    page = visit("shift?study=made&focus=5")
    first = page.locator(".map").first
    first.wait_for()
    settled(page)
    spot = page.evaluate("[...document.querySelectorAll('*')].map((one) => one.shadowRoot?.querySelector('.tla-maps'))"
                         ".find(Boolean).tlaMaps.panels.values().next().value.points.place(7)")  # fmt: skip
    box = first.bounding_box()
    page.mouse.click(box["x"] + spot[0], box["y"] + spot[1])
    until(page, lambda: query(page).get("focus") == "7", "a pressed point did not become the focus")
    names = page.get_by_role("group", name="images of the selection").get_by_role("button")
    for shares in ((0.02, 0.02, 0.98, 0.98), (0.5, 0.02, 0.98, 0.98)):
        lasso(page, first, shares)
        count = page.locator(".count").inner_text().split()[0]
        page.wait_for_selector(f"text=Selection: {count} images")
        until(page, lambda count=count: names.count() == int(count), "the grid does not show the selection")
        settled(page)
    first.hover()
    page.mouse.wheel(0, -400)
    page.get_by_text("flipped", exact=True).first.click()
    page.wait_for_selector("text=misclassified under attack")
    settled(page)
    assert page.locator(".count").inner_text().startswith(f"{count} of ")
    zoom = ("[...document.querySelectorAll('*')].map((one) => one.shadowRoot?.querySelector('.tla-maps'))"
            ".find(Boolean).tlaMaps.panels.values().next().value.points.view.zoom")  # fmt: skip
    assert page.evaluate(zoom) > 1.2, "the zoom did not survive the control"
    page.locator(".stButton").get_by_role("button", name="Clear").click()
    page.wait_for_selector("text=The largest turns")
    until(page, lambda: page.locator(".count").inner_text() == "60 images", "the maps still show the selection")


def test_the_slider_of_neighbours_answers_alone_and_f_moves_the_focus(visit):
    page = visit("neighbours?focus=5&k=3&neighbour_methods=natural")
    page.wait_for_selector("text=/of 3 are of class/")
    settled(page)
    unfold_code(page)
    page.wait_for_selector("text=rank <= 3")
    page.get_by_role("slider", name="Neighbours k").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=/of 4 are of class/")
    page.wait_for_selector("text=rank <= 4")
    settled(page)
    assert query(page).get("k") == "4"
    page.keyboard.press("f")  # the slider still has the keyboard, and takes no letters
    until(page, lambda: query(page).get("focus", "5") != "5", "F did not move the focus")
    page.wait_for_selector(f"text=id == {query(page)['focus']} ")
    page.wait_for_selector(f".focus img[alt^='image {query(page)['focus']},']")


def test_ten_fast_presses_move_ten(visit):
    page = visit("shift?focus=5")
    page.locator(".map").first.wait_for()
    settled(page)
    for _ in range(10):
        page.keyboard.press("k")
        page.wait_for_timeout(40)
    until(page, lambda: query(page).get("focus") == "15", "ten presses of K did not move ten")
    for _ in range(10):
        page.keyboard.press("j")
        page.wait_for_timeout(40)
    until(page, lambda: query(page).get("focus") == "5", "ten presses of J did not move ten back")
    settled(page)
    assert query(page).get("focus") == "5"


def test_ten_fast_clicks_move_ten(visit):
    page = visit("shift?focus=5")
    page.locator(".map").first.wait_for()
    settled(page)
    for name, end in (("Next (K)", "15"), ("Back (J)", "5")):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        for _ in range(10):
            page.mouse.click(box["x"] + 10, box["y"] + 10)
            page.wait_for_timeout(40)
        until(page, lambda end=end: query(page).get("focus") == end, f"ten clicks on {name} did not move ten")
        settled(page)
        assert query(page).get("focus") == end
    page.keyboard.press("k")
    until(page, lambda: query(page).get("focus") == "6", "the key does not follow the clicks")


def test_a_lasso_and_a_scene_come_back_from_their_address(visit):
    page = visit("shift?study=made&focus=5")
    place = page.locator(".map").first
    place.wait_for()
    settled(page)
    lasso(page, place, (0.3, 0.02, 0.98, 0.98))
    until(page, lambda: "picked" in query(page), "the address does not carry the lasso")
    settled(page)
    count, link, carried = page.locator(".count").inner_text(), urlparse(page.url).query, query(page)["picked"]
    assert not count.startswith("60 images")
    names = page.get_by_role("group", name="images of the selection").get_by_role("button")
    chosen = names.evaluate_all("all => all.map((one) => one.ariaLabel)")
    page.get_by_role("link", name="Neighbours").first.click()
    page.wait_for_selector("h1:has-text('Neighbours')")
    page.get_by_role("link", name="Shift").first.click()
    until(page, lambda: query(page).get("picked") == carried, "the selection was lost on the way")
    page = visit(f"shift?{link}")
    page.wait_for_selector(f"text=Selection: {len(chosen)} images")
    page.locator(".map").first.wait_for()
    settled(page)
    assert page.locator(".count").inner_text() == count
    assert names.evaluate_all("all => all.map((one) => one.ariaLabel)") == chosen
    page = visit("?scene=Neighbours")
    settled(page)
    page.get_by_text("clean", exact=True).first.click()
    until(page, lambda: query(page).get("tour_kind") == "clean", "the address does not carry the scene's control")
    link = urlparse(page.url).query
    page = visit(f"?{link}")
    settled(page)
    assert page.locator("button[aria-checked=true], button[aria-pressed=true]").all_inner_texts() == [
        "Neighbours",
        "clean",
    ]


def test_the_explorer_is_a_file(visit, tmp_path):
    page = visit("export?study=made")
    button = page.get_by_role("button", name="Explorer (HTML)")
    button.wait_for()
    settled(page)
    with page.expect_download() as waiting:
        button.click()
    file = tmp_path / "explorer.html"
    waiting.value.save_as(file)
    assert waiting.value.suggested_filename == "made-explorer.html"
    assert "synthetic: representation under attack" in file.read_text()


def test_the_steps_of_an_attack_follow_the_slider_in_the_browser(visit):
    page = visit("attack?focus=5&models=at&attack_steps=8")
    handle = page.get_by_role("slider", name="attack step")
    handle.wait_for()
    settled(page)
    assert handle.evaluate("h => h.max") in ("8", "9")
    picture = page.get_by_role("img", name="adversarial image")
    last = picture.get_attribute("src")
    start = time.perf_counter()
    handle.evaluate("h => { h.value = 0; h.dispatchEvent(new Event('input')) }")
    assert picture.get_attribute("src") != last
    assert time.perf_counter() - start < 1
    assert page.locator(".film output").text_content() == "step 0"
    handle.press("ArrowRight")
    assert page.locator(".film output").text_content() == "step 1"


def test_a_drawn_digit_is_attacked(visit):
    page = visit("attack?from=draw&models=at&attack_steps=3")
    page.wait_for_selector("text=Draw, photograph or upload an image")
    box = page.get_by_role("img", name="pad to draw a digit on").bounding_box()
    x, y = box["x"] + 100, box["y"] + 40
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 5, y + 60, steps=4)
    page.mouse.move(x - 8, y + 120, steps=4)
    page.mouse.up()
    page.get_by_role("slider", name="attack step").wait_for()
    assert page.locator(".film").count() == 1


def test_an_upload_is_attacked_and_junk_is_rejected(visit, tmp_path):
    from PIL import Image

    good, bad = tmp_path / "one.png", tmp_path / "junk.png"
    Image.new("L", (30, 30), 90).save(good)
    bad.write_bytes(b"no picture")
    page = visit("attack?from=upload&models=at&attack_steps=3")
    page.locator("input[type=file]").set_input_files(bad)
    page.wait_for_selector("text=not an image that can be read")
    page.locator("input[type=file]").set_input_files(good)
    page.get_by_role("slider", name="attack step").wait_for()


def test_the_threshold_moves_its_marks_at_once_and_the_images_on_release(visit):
    page = visit("detection?detection_shown=at")
    page.wait_for_selector(".st-key-score_histograms .js-plotly-plot .main-svg")
    settled(page)
    handle = page.get_by_role("slider", name="Clean images refused")
    mark = """[...document.querySelectorAll('.st-key-roc .scatterlayer .trace')]
        .find((group) => group.__data__[0].trace.name === 'AT at the threshold')
        .querySelector('path.point').getAttribute('transform')"""
    line = "document.querySelector('.st-key-score_histograms .shapelayer path').getAttribute('transform')"
    table = page.locator(".threshold tbody")
    before, text = page.evaluate(mark), table.inner_text()
    handle.evaluate("(h) => { h.value = 80; h.dispatchEvent(new Event('input')); }")
    assert table.inner_text() != text
    moved = page.evaluate(mark)
    assert moved != before
    assert page.evaluate(line) is not None
    assert "refused" not in query(page)
    handle.evaluate("(h) => h.dispatchEvent(new Event('change'))")
    until(page, lambda: query(page).get("refused") == "40", "the address did not follow")
    page.wait_for_function("document.querySelector('.st-key-score_histograms').textContent.includes('40 % false')")
    settled(page)
    pairs = (found.removeprefix("translate(").rstrip(")").split(",") for found in (moved, page.evaluate(mark)))
    spots = [[float(number) for number in pair] for pair in pairs]
    assert spots[0] == pytest.approx(spots[1], abs=0.5), "the mark was not where the chart puts it"
    tile = page.get_by_role("group", name="Wrongly refused").get_by_role("button").last
    chosen = tile.get_attribute("aria-label").split(":")[0].removeprefix("image ")
    tile.focus()
    page.keyboard.press("Enter")
    until(page, lambda: query(page).get("focus") == chosen, "the focus did not follow")
    page.wait_for_selector(f".focus img[alt^='image {chosen},']")


def test_a_dragged_triplet_has_the_same_loss_in_the_browser_as_in_python(visit):
    """Values computed by hand; then the anchor is dragged, moved by a key, and moved down the gradient."""
    page = visit("playground?anchor=3,4&positive=4,3&negatives=5,5")
    loss = page.locator(".controls table td").last
    loss.wait_for()
    assert page.locator(".controls table td").all_inner_texts() == ["0.0400", "0.0101", "0.05", "0.0799"]
    page.wait_for_selector("text=loss 0.0799 with negative 1 of 1")
    anchor = page.get_by_role("button", name="anchor at")
    box = page.locator(".plane svg").bounding_box()

    def at(x, y):
        return box["x"] + box["width"] * (6.5 + x) / 13, box["y"] + box["height"] * (6.5 - y) / 13

    page.mouse.move(*at(3, 4))
    page.mouse.down()
    page.mouse.move(*at(1, 5), steps=4)
    assert loss.inner_text() != "0.0799", "the loss does not follow the mouse"
    assert query(page)["anchor"] == "3,4", "Python is called while the mouse moves"
    page.mouse.up()
    until(page, lambda: query(page)["anchor"] != "3,4", "the address did not follow")
    assert [float(part) for part in query(page)["anchor"].split(",")] == pytest.approx([1, 5], abs=0.06)
    page.wait_for_selector(f"text=loss {loss.inner_text()} with negative")
    before = query(page)["anchor"]
    anchor.focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: query(page)["anchor"] != before, "the arrow key moved nothing")
    page.get_by_role("button", name="Descend").click()
    page.wait_for_selector("text=Satisfied: the negative is farther")
    page.wait_for_selector("text=loss 0.0000 with negative")
    page.get_by_role("button", name="Reset").click()
    until(page, lambda: query(page)["anchor"] == "3,4", "the initial triplet did not come back")


def test_a_training_is_shown_epoch_by_epoch(visit):
    page = visit("playground?lesson_epochs=2")
    page.get_by_role("button", name="Train AT and TLA").click()
    handle = page.get_by_role("slider", name="epoch", exact=True)
    handle.wait_for()
    numbers = page.locator(".live-training .numbers")
    assert numbers.count() == 2
    trained = numbers.all_inner_texts()
    handle.evaluate("(h) => { h.value = 0; h.dispatchEvent(new Event('input')); }")
    untrained = numbers.all_inner_texts()
    assert page.locator(".live-training output").inner_text() == "untrained"
    assert untrained[0] == untrained[1], "both start from the same weights"
    assert trained[0] != trained[1]
    page.get_by_role("button", name="Play").click()
    page.wait_for_selector("text=after epoch 2 of 2")
    until(page, lambda: numbers.all_inner_texts() == trained, "the last frame is not the last epoch")


def test_keys_step_through_the_images_and_scenes(visit):
    page = visit("?focus=5")
    settled(page)
    page.keyboard.press("k")
    until(page, lambda: query(page).get("focus") == "6", "K did not go to the next image")
    page.keyboard.press("ArrowRight")
    until(page, lambda: query(page).get("scene") == "Where it lands", "the arrow key did not go to the next scene")
    settled(page)
    for _ in range(3):
        page.locator(".st-key-scene_next button").dispatch_event("click")
    until(page, lambda: query(page).get("scene") == "Detection", "three quick clicks did not go three scenes on")
    settled(page)
    page.get_by_role("slider", name="Share of clean images refused").press("ArrowRight")
    settled(page)
    assert query(page).get("scene") == "Detection", "an arrow key that moves a slider turned the page"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_on_a_narrow_screen(server, chromium, scheme):
    context = chromium.new_context(viewport={"width": 700, "height": 1000}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(60_000)
    for path in ("shift", "detection"):
        page.goto(f"{server}/{path}")
        page.wait_for_selector(".js-plotly-plot .main-svg")
        settled(page)
        if path == "shift":
            assert page.locator(".map").count() == 3
        wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert wide <= 700
        paper = page.evaluate("document.querySelector('.js-plotly-plot').layout.template.layout.paper_bgcolor")
        assert paper == {"light": "#ffffff", "dark": "#0f141b"}[scheme]
    context.close()


def test_the_first_screen_follows_its_slider_without_the_server(visit):
    page = visit("?study=digits")
    page.wait_for_selector("text=/untouched: Natural says/")
    settled(page)
    page.route("**/_stcore/**", lambda route: route.abort())
    slider = page.get_by_role("slider", name="eps")
    slider.focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=/every pixel changed by at most 0.225: Natural says/")
    assert page.locator(".radii .says.bad").count() >= 1
    assert page.locator(".radii .halo.wrong").count() == page.locator(".radii .says.bad").count()

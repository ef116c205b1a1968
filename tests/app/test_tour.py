"""The tour: an image at growing eps, and sentences that are counted in the study."""

import numpy as np
import pytest

from tla.store import Store
from tla.study.locate import shipped_studies


@pytest.fixture
def digits(tmp_path, use_studies):
    """The dashboard on the digits study that ships."""
    use_studies(tmp_path, shipped=shipped_studies())


def view_of(path):
    from board.studies import open_study

    return open_study(path.name, path)


def test_the_first_screen_has_a_slider_and_three_doors(digits, open_page):
    app = open_page("tour")
    assert not app.exception
    links = [link.proto.label for link in app.get("page_link")]
    assert links[:3] == ["Draw your own", "Explore 1,000 images", "Bring your model"]
    assert app.pills(key="tour_models").value == ["natural", "tla"]


def test_it_begins_with_an_image_that_turns_for_the_first_model_only():
    from board.selection.radii import first_id, radii_of

    view = view_of(shipped_studies() / "digits")
    sample = first_id(view, ["natural", "tla"], 0)
    at = int(np.argmin([abs(step.eps - view.eps) for step in radii_of(view, "natural", 0, sample)]))
    assert not radii_of(view, "natural", 0, sample)[at].right
    assert radii_of(view, "tla", 0, sample)[at].right


def test_sentences_say_what_is_stored():
    from board.radii import sentence, words
    from board.selection.radii import radii_of, shown_ids

    view = view_of(shipped_studies() / "digits")
    sample = shown_ids(view)[3]
    found = {method: radii_of(view, method, 0, sample) for method in ("natural", "tla")}
    rows = Store(view.path).table("radii").query("id == @sample and seed == 0").sort_values("eps")
    for at in range(10):
        text = sentence(view, found, at)
        for method, label in (("natural", "Natural"), ("tla", "TLA")):
            row = rows[rows["method"] == method].iloc[at]
            still = "still " if at and row["prediction"] == row["y"] else ""
            assert f"{label} {still}says {row['prediction']}" in text
            near = Store(view.path).table("radii_neighbours").query("id == @sample and seed == 0 and method == @method")
            near = near[np.isclose(near["eps"], row["eps"])]
            right = int((near["neighbour_y"] == row["y"]).sum())
            assert words(view, found[method][at]).startswith(f"{right} of its {len(near)} nearest training images")


def test_facts_are_counted(studies):
    from board.selection.tour import accuracies, kept_neighbours, landings

    view, store = view_of(studies / "made"), Store(studies / "made")
    eps = view.eps
    shift = store.table("shift").query("attack == 'pgd' and method == 'at' and seed == 0")
    shift = shift[np.isclose(shift["eps"], eps)]
    wrong, nearer = int((shift["prediction"] != shift["y"]).sum()), int((shift["margin"] < 0).sum())
    text = landings(view, ["natural", "at"], 0)
    assert f"AT misclassifies {wrong} of {len(shift)} adversarial images, and {nearer} lie nearer to" in text
    rows = store.table("attacks").query("attack == 'pgd' and method == 'tla' and seed == 0")
    rows = rows[np.isclose(rows["eps"], eps)]
    assert f"TLA {(rows['prediction'] == rows['y']).mean():.0%} [" in accuracies(view, ["at", "tla"], 0)
    near = store.table("neighbours").query("id == 5 and kind == 'adversarial' and method == 'tla' and seed == 0")
    kept = int((near["neighbour_y"] == near["y"]).sum())
    assert f"{kept} of {len(near)} for TLA" in kept_neighbours(view, ["tla"], 0, 5)


def test_no_scene_promises_that_a_method_is_better(digits, open_page):
    for scene in ("An image", "Where it lands", "The idea", "After training", "Detection", "Neighbours"):
        app = open_page("tour", scene=scene)
        assert not app.exception
        text = " ".join(one.value for one in app.markdown).lower()
        for word in ("best", "better", "more robust", "fewer"):
            assert word not in text, f"{scene}: {word}"


def test_a_clean_image_has_the_same_neighbours_on_every_page():
    """But for the order of equally near ones: this study ships its weights in half precision."""
    from board import live
    from board.selection.neighbours import nearest
    from board.selection.radii import radii_of, shown_ids

    from tla.widgets.filming import unit

    view = view_of(shipped_studies() / "digits")
    images = view.arrays("images")
    for sample in shown_ids(view)[:6]:
        stored = nearest(view, sample, 0, "clean", 5)
        for method in ("natural", "tla"):
            expected = set(stored[method]["neighbour"])
            assert len(expected & set(radii_of(view, method, 0, sample)[0].neighbours)) == 5
            rows, _ = live.nearest(view, method, 0, unit(images["test"][view.positions[sample]]), 6)
            assert len(expected & set(images["gallery_id"][rows])) == 5


def test_pages_say_why_an_attacked_image_can_have_other_neighbours(digits, open_page):
    app = open_page("attack", study="digits")
    assert not app.exception
    assert any("that the study stored (pgd at Linf eps 0.15" in one.value for one in app.caption)
    tour = open_page("tour", study="digits")
    data = next(one for one in tour.get("bidi_component") if "radii" in one.proto.id)
    assert "which can have other neighbours" in str(data.proto)

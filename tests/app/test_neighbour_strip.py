"""The strips of neighbours: who entered and who left under attack is marked, for every k."""

import pytest


@pytest.mark.parametrize("k", [1, 4, 7])
def test_who_entered_and_who_left_is_marked(studies, k):
    from board.neighbour_strip import elsewhere, headlines
    from board.selection.neighbours import nearest
    from board.studies import open_study

    view = open_study("made", studies / "made")
    changed = 0
    for sample in view.ids[:20]:
        clean, attacked = (nearest(view, sample, 0, kind, 10)["tla"] for kind in ("clean", "adversarial"))
        first, then = clean["neighbour"].tolist()[:k], attacked["neighbour"].tolist()[:k]
        marked = [n for n, place in zip(then, elsewhere(attacked, clean), strict=False) if not 0 < place <= k]
        assert set(marked) == set(then) - set(first)
        marked = [n for n, place in zip(first, elsewhere(clean, attacked), strict=False) if not 0 < place <= k]
        assert set(marked) == set(first) - set(then)
        right = (attacked["neighbour_y"][:k] == view.true_class(sample)).sum()
        line = headlines(view, "adversarial", attacked, clean)[k - 1]
        assert f": {right} of {k} are of class " in line
        assert f", {len(set(then) - set(first))} new under attack" in line
        changed += len(marked)
    assert changed > 0


def test_nothing_is_marked_where_one_query_has_no_neighbours(studies):
    from board.neighbour_strip import elsewhere
    from board.selection.neighbours import nearest
    from board.studies import open_study

    view = open_study("made", studies / "made")
    clean = nearest(view, view.ids[0], 0, "clean", 5)["tla"]
    assert all(0 < place <= k for k, place in enumerate(elsewhere(clean, None), start=1))

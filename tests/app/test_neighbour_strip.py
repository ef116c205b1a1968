"""The strips of neighbours: who entered and who left under attack is marked."""


def test_who_entered_and_who_left_is_marked(studies):
    from board.neighbour_strip import neighbour_tiles
    from board.selection.neighbours import nearest
    from board.studies import open_study

    view = open_study("made", studies / "made")
    changed = 0
    for sample in view.ids[:20]:
        clean, attacked = (nearest(view, sample, 0, kind, 4)["tla"] for kind in ("clean", "adversarial"))
        entered = set(attacked["neighbour"]) - set(clean["neighbour"])
        left = set(clean["neighbour"]) - set(attacked["neighbour"])
        tiles = neighbour_tiles(view, attacked, clean, "entered")
        assert {tile.id for tile in tiles if tile.note.endswith(" entered")} == entered
        tiles = neighbour_tiles(view, clean, attacked, "left")
        assert {tile.id for tile in tiles if tile.note.endswith(" left")} == left
        changed += len(entered)
    assert changed > 0

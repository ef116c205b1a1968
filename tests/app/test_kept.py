"""Results are kept as long as they are of the very same tables."""

import numpy as np
import pandas as pd
from board.kept import kept
from board.selection.shared import of_run


def test_a_result_is_kept_for_the_same_table_and_equal_values():
    calls = []

    def count(table, numbers, *, more):
        calls.append((len(table), numbers, more))
        return object()

    table, twin = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})
    first = kept(count, table, [1, 2], more=3)
    assert kept(count, table, [1, 2], more=3) is first
    assert kept(count, twin, [1, 2], more=3) is not first
    assert kept(count, table, [1, 3], more=3) is not first
    assert kept(count, table, [1, 2], more=4) is not first
    assert calls == [(2, [1, 2], 3), (2, [1, 2], 3), (2, [1, 3], 3), (2, [1, 2], 4)]


def test_what_is_no_key_is_computed_anew():
    assert kept(np.sum, np.arange(3)) == 3
    values = np.arange(3)
    values[0] = 7
    assert kept(np.sum, values) == 10


def test_rows_of_a_run_are_the_same_table_again():
    table = pd.DataFrame({"seed": [0, 0, 1], "method": ["at", "tla", "at"], "x": [1, 2, 3]})
    assert of_run(table, 0, ["at"]) is of_run(table, 0, ["at"])
    assert of_run(table, 0, ["at"])["x"].tolist() == [1]
    assert of_run(table, 0)["x"].tolist() == [1, 2]


def test_a_sheet_of_pictures_is_made_once_for_all_choices_of_methods(studies, open_page, monkeypatch):
    from board import maps

    maps._columns.clear()
    maps._sheet.clear()
    made = []
    monkeypatch.setattr(maps, "sheets", lambda *words, inner=maps.sheets: made.append(words[-1]) or inner(*words))
    app = open_page("shift", shift_methods=["at"])
    app.pills(key="shift_methods").set_value(["at", "tla"]).run()
    app.pills(key="shift_methods").set_value(["tla"]).run()
    assert not app.exception
    assert made == [["clean"], ["at"], ["tla"]]

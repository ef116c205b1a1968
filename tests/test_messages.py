"""Words that several packages share."""

import pytest

from tla.messages import radius_text


@pytest.mark.parametrize(
    ("eps", "text"),
    [
        (0, "0"),
        (0.3, "0.3"),
        (0.30000001192092896, "0.3"),
        (0.2, "0.2"),
        (8 / 255, "8/255"),
        (0.0313725508749485, "8/255"),
        (1 / 255, "1/255"),
        (128 / 255, "128/255"),
        (1.0, "1"),
        (0.0333333, "0.03333"),
        (float("nan"), "\N{EN DASH}"),
    ],
)
def test_a_radius_is_written_as_people_do(eps, text):
    assert radius_text(eps) == text


def test_radii_beside_each_other_have_one_unit():
    steps = [radius_text(8 / 255 * share / 6, 8 / 255) for share in range(4)]
    assert steps == ["0", "1.33/255", "2.67/255", "4/255"]
    assert radius_text(4 / 255, 0.3) == "0.01569"

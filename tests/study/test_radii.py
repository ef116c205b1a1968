"""Images at growing radii: in the ball, never nearer to their class as the radius grows, as the model sees them."""

import numpy as np
import pytest
import torch
from small_study import small

from tla.attacks import PGD
from tla.study import radii, run_study
from tla.study.pack import pack
from tla.threat import Threat
from tla.types import Outputs


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    study = small(methods=["natural", "at"], caption="")
    return run_study(study, tmp_path_factory.mktemp("radii") / "small")


def test_every_model_shows_the_same_images_at_every_radius(store):
    table = store.table("radii")
    eps = np.array(radii.SHARES) * 0.15
    shown = {tuple(part["id"]) for _, part in table.groupby(["method", "eps"])}
    assert len(shown) == 1
    for _, part in table.groupby(["method", "id"]):
        np.testing.assert_allclose(part["eps"], eps)
    near = store.table("radii_neighbours")
    assert (near.groupby(["method", "id", "eps"])["rank"].max() == radii.NEIGHBOURS).all()


def test_the_margin_never_grows_and_decides_the_prediction(store):
    table = store.table("radii")
    for _, part in table.groupby(["method", "id"]):
        assert (np.diff(part["margin"]) <= 1e-4).all()
    assert ((table["margin"] >= 0) == (table["prediction"] == table["y"])).all()
    assert (table["p_prediction"] >= table["p_true"] - 1e-6).all()


def test_pictures_stay_in_the_ball(store):
    clean, ids = (store.arrays("images")[name] for name in ("test", "test_id"))
    for method in ("natural", "at"):
        stored = store.arrays(f"radii/{method}-seed0")
        rows = [int(np.flatnonzero(ids == one)[0]) for one in stored["id"]]
        moved = np.abs(stored["pixels"].astype(int) - clean[rows][:, None].astype(int)).max((0, 2, 3, 4))
        assert moved[0] == 0
        assert (moved <= 255 * stored["eps"] + 0.51).all()
        assert (moved[1:] >= 255 * stored["eps"][1:] - 0.51).all(), "the attack reaches the border of the ball"


def test_the_clean_image_has_the_neighbours_of_the_study(store):
    known = store.table("neighbours").query("kind == 'clean' and rank <= @radii.NEIGHBOURS")
    known = known.set_index(["method", "id", "rank"])["neighbour"]
    here = store.table("radii_neighbours").query("eps == 0").set_index(["method", "id", "rank"])["neighbour"]
    assert (known.loc[here.index] == here).all()


def test_the_clean_image_lies_where_the_map_has_it(store):
    maps = store.table("map").query("kind == 'clean'").drop_duplicates(["method", "id"]).set_index(["method", "id"])
    here = store.table("radii").query("eps == 0").set_index(["method", "id"])
    drawn = here.index.intersection(maps.index)
    assert len(drawn)
    np.testing.assert_allclose(here.loc[drawn, ["u", "v"]], maps.loc[drawn, ["u", "v"]], atol=1e-3)


def test_a_pack_keeps_the_pictures_as_they_are(store, tmp_path):
    packed = pack(store, tmp_path / "packed")
    for name in ("id", "eps", "pixels"):
        kept, stored = (one.arrays("radii/at-seed0")[name] for one in (packed, store))
        assert kept.dtype == stored.dtype
        np.testing.assert_array_equal(kept, stored)


def test_without_trajectories_there_are_none(tmp_path):
    study = small(methods=["natural"], analysis={"gallery": 50, "map_points": 20, "trajectories": 0, "audit": False,
                                                 "projection": "pca", "ranking": 0, "transfer": 0})  # fmt: skip
    store = run_study(study, tmp_path / "none")
    assert not {"radii", "radii_neighbours"} & set(store.tables())


class Steep(torch.nn.Module):
    """Wrong only far from where the attack of the larger radius looks."""

    def forward(self, x):
        """Two logits; the gradient leads the attack astray beyond a change of 0.15."""
        change = (x - 0.5).flatten(1).mean(1)
        rise = torch.where(change.abs() < 0.15, change, 0.3 * change.sign() - change)
        return Outputs(torch.stack([0.2 - 2 * rise, torch.zeros_like(rise)], 1), x.flatten(1))


def test_a_smaller_radius_that_went_further_is_kept():
    x, y = torch.full((2, 1, 2, 2), 0.5), torch.zeros(2, dtype=torch.long)
    threats = [Threat("linf", eps) for eps in (0.0, 0.15, 0.3)]
    found = radii.grow(Steep(), x, y, threats, torch.Generator().manual_seed(0), lambda share, text: None)
    margins = torch.stack([radii.margin(logits, y) for logits in found.logits])
    assert bool((margins.diff(dim=0) <= 1e-6).all())
    assert isinstance(radii.ATTACK, PGD)
    torch.testing.assert_close(found.pixels[0], x)

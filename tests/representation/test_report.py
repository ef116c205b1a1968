import pandas as pd
import pytest
import torch

from tla.models import MODELS
from tla.nearest import nearest
from tla.representation import (
    Gallery,
    angle,
    embed,
    measure,
    same_class,
    shift_frame,
    shift_report,
    silhouette,
    structure,
)
from tla.retrieval import GalleryIndex, Queries, retrieval_frame
from tla.types import Outputs, Shape

SHIFT = {"angle", "relative_angle", "margin_clean", "margin", "progress", "purity_own", "purity_false"}


def test_same_class_pairs_others():
    y = torch.randint(0, 5, (200,), generator=torch.Generator().manual_seed(0))
    y = torch.cat([y, torch.tensor([9])])
    other = same_class(y, seed=1)
    assert torch.equal(y[other], y)
    assert (other == torch.arange(201)).nonzero().tolist() == [[200]]
    assert torch.equal(other.sort().values, torch.arange(201))
    assert torch.equal(other, same_class(y, seed=1))
    assert not torch.equal(other, same_class(y, seed=2))


@pytest.fixture
def setting():
    rng = torch.Generator().manual_seed(0)
    y, gallery_y = torch.arange(45) % 3, torch.arange(90) % 3
    gallery = Gallery(torch.rand(90, 6, generator=rng) + 2 * torch.eye(3, 6)[gallery_y], gallery_y)
    u = torch.rand(45, 6, generator=rng) + 2 * torch.eye(3, 6)[y]
    v = u + 3 * torch.rand(45, 6, generator=rng)
    return Outputs(u[:, :3], u), Outputs(v[:, :3], v), y, gallery


def row(summary, measure, group, against):
    parts = summary[(summary["measure"] == measure) & (summary["group"] == group) & (summary["against"] == against)]
    assert len(parts) == 1
    return parts.iloc[0]


def test_summary_is_the_mean_of_the_images(setting):
    clean, adversarial, y, gallery = setting
    found = measure(*setting)
    frame = shift_frame(clean.embedding, adversarial.embedding, adversarial.logits, y, gallery)
    pd.testing.assert_frame_equal(found.images, frame)
    for group in ("all", "correct", "misclassified"):
        rows = frame if group == "all" else frame[frame["group"] == group]
        for name in SHIFT:
            entry = row(found.summary, name, group, "adversarial")
            assert entry["mean"] == pytest.approx(rows[name].mean(), rel=1e-5)
            assert entry["low"] <= entry["mean"] <= entry["high"]
            assert entry["n"] == len(rows)
        nearer = row(found.summary, "nearer_false", group, "adversarial")["mean"]
        assert nearer == pytest.approx((rows["margin"] < 0).mean())


def test_the_zero_point_is_the_clean_image_in_place_of_the_attacked_one(setting):
    clean, _, y, gallery = setting
    summary = measure(*setting).summary
    for group in ("all", "correct", "misclassified"):
        for name in ("angle", "relative_angle", "progress"):
            assert row(summary, name, group, "clean")[["mean", "low", "high"]].tolist() == [0, 0, 0]
        before = row(summary, "margin", group, "clean")["mean"]
        assert before == pytest.approx(row(summary, "margin_clean", group, "adversarial")["mean"], rel=1e-5)
    near = nearest(clean.embedding, gallery.embedding, 10).position
    purity = (gallery.y[near] == y[:, None]).float().mean()
    assert row(summary, "purity_own", "all", "clean")["mean"] == pytest.approx(float(purity))
    apart = silhouette(clean.embedding, y).mean()
    assert row(summary, "silhouette", "all", "clean")["mean"] == pytest.approx(float(apart), rel=1e-5)


def test_the_yardstick_is_another_image_of_the_class(setting):
    clean, _, y, _ = setting
    found = measure(*setting, seed=3)
    turned = angle(clean.embedding, clean.embedding[same_class(y, 3)]).mean()
    assert row(found.summary, "angle", "all", "same_class")["mean"] == pytest.approx(float(turned), rel=1e-5)
    assert "silhouette" not in set(found.summary.loc[found.summary["against"] == "same_class", "measure"])


def test_retrieval_is_that_of_the_retrieval_table(setting):
    clean, adversarial, y, gallery = setting
    found = measure(*setting, seed=3)
    index = GalleryIndex.build(*gallery)
    wrong = adversarial.logits.argmax(1) != y
    assert 0 < int(wrong.sum()) < len(y)
    sibling = Outputs(*(part[same_class(y, 3)] for part in clean))
    for against, side in (("clean", clean), ("adversarial", adversarial), ("same_class", sibling)):
        frame = retrieval_frame(index, Queries("clean", side.embedding, side.logits.argmax(1)), y)
        for name in ("recall_1", "recall_5", "recall_10", "map_at_r"):
            for group, rows in (("all", frame), ("misclassified", frame[wrong.numpy()])):
                entry = row(found.summary, name, group, against)
                assert entry["mean"] == pytest.approx(rows[name].mean(), rel=1e-6)
                assert entry["low"] <= entry["mean"] <= entry["high"]


def test_every_measure_of_every_group_has_its_zero_point(setting):
    clean, adversarial, y, _ = setting
    found = measure(*setting)
    parts = found.summary.groupby("against")
    keys = {against: set(zip(part["measure"], part["group"], strict=True)) for against, part in parts}
    assert keys["clean"] == keys["adversarial"]
    wrong = adversarial.logits.argmax(1) != y
    pd.testing.assert_frame_equal(found.structure, structure(clean.embedding, adversarial.embedding, y, wrong))
    assert set(found.structure["kind"]) == {"clean", "adversarial"}
    assert set(found.structure["group"]) == set(found.summary["group"]) == {"all", "correct", "misclassified"}


def test_an_image_alone_in_its_class_has_no_yardstick(setting):
    clean, adversarial, y, gallery = setting
    few = torch.tensor([0, 1, 2, 3, 6])
    some = [Outputs(part.logits[few], part.embedding[few]) for part in (clean, adversarial)]
    summary = measure(*some, y[few], gallery).summary
    assert row(summary, "angle", "all", "same_class")["n"] == 3
    assert row(summary, "angle", "all", "adversarial")["n"] == 5


def test_nobody_misclassified_is_an_empty_group(setting):
    clean, _, y, gallery = setting
    sure = Outputs(10 * torch.eye(3)[y], clean.embedding)
    summary = measure(sure, sure, y, gallery).summary
    entry = row(summary, "angle", "misclassified", "adversarial")
    assert entry["n"] == 0
    assert entry[["mean", "low", "high"]].isna().all()


def test_report_of_a_model_and_a_given_search():
    model = MODELS.build("small_cnn", width=4, embedding=16).build(Shape(1, 8, 8), 3).train()
    rng = torch.Generator().manual_seed(0)
    x, gallery = torch.rand(30, 1, 8, 8, generator=rng), torch.rand(40, 1, 8, 8, generator=rng)
    moved = (x + 0.3 * torch.rand(30, 1, 8, 8, generator=rng)).clamp(0, 1)
    y, gallery_y = torch.arange(30) % 3, torch.arange(40) % 3
    asked = []

    def index(of):
        def search(queries, k):
            asked.append(len(queries))
            return nearest(queries, of.embedding, k).position

        return search

    found = shift_report(model, x, moved, y, gallery, gallery_y, ids=torch.arange(30) + 7, pairs=20, index=index)
    assert asked == [30, 30]
    assert all(module.training for module in model.modules())
    plain = shift_report(model, x, moved, y, gallery, gallery_y, ids=torch.arange(30) + 7, pairs=20)
    for one, other in zip(found, plain, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert found.images["id"].tolist() == list(range(7, 37))
    outputs = embed(model, moved)
    assert found.images["prediction"].tolist() == outputs.logits.argmax(1).tolist()
    assert "head" in found.layers["layer"].tolist()
    assert found.layers.groupby("layer")["group"].apply(list).iloc[0] == ["all", "correct", "misclassified"]
    assert (found.layers.loc[found.layers["group"] == "all", "n"] == 20).all()
    assert not len(shift_report(model, x, moved, y, gallery, gallery_y, layers=()).layers)
    with pytest.raises(ValueError, match="clean and adversarial must be pairs, got 30 and 29 images"):
        shift_report(model, x, moved[:29], y, gallery, gallery_y)

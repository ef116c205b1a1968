import math

import numpy as np
import pytest
import torch

from tla.nearest import nearest
from tla.representation import Gallery, angle, class_centroids, false_class, nearest_centroid_angle, shift_frame
from tla.representation.margin import centroid_margin, progress

COLUMNS = [
    "id", "y", "prediction", "false_class", "group", "angle", "relative_angle", "margin_clean", "margin", "progress",
    "purity_own", "purity_false",
]  # fmt: skip


@pytest.fixture
def setting():
    rng = torch.Generator().manual_seed(0)
    gallery = Gallery(torch.randn(60, 5, generator=rng), torch.arange(60) % 3)
    clean = torch.randn(8, 5, generator=rng)
    adversarial = clean + torch.randn(8, 5, generator=rng)
    logits, y = torch.randn(8, 3, generator=rng), torch.arange(8) % 3
    return clean, adversarial, logits, y, gallery


def cos(u, v):
    return sum(a * b for a, b in zip(u, v, strict=True)) / math.hypot(*u) / math.hypot(*v)


def loop_oracle(clean, adversarial, logits, y, gallery, k=10):
    rows, g, gy = [], gallery.embedding.double().tolist(), gallery.y.tolist()
    unit = [[x / math.hypot(*e) for x in e] for e in g]
    centroids = []
    for c in range(3):
        members = [e for e, label in zip(unit, gy, strict=True) if label == c]
        centroids.append([sum(column) / len(members) for column in zip(*members, strict=True)])
    for u, v, z, own in zip(*(t.double().tolist() for t in (clean, adversarial, logits)), y.tolist(), strict=True):
        guess = max(range(3), key=lambda c: z[c])
        t = guess if guess != own else max((c for c in range(3) if c != own), key=lambda c: z[c])
        turned = math.degrees(math.acos(cos(u, v)))
        apart = min(math.degrees(math.acos(cos(centroids[own], centroids[c]))) for c in range(3) if c != own)
        way = [a - b for a, b in zip(centroids[t], centroids[own], strict=True)]
        moved = [b / math.hypot(*v) - a / math.hypot(*u) for a, b in zip(u, v, strict=True)]
        near = sorted(range(len(g)), key=lambda i: 1 - abs(cos(v, g[i])))[:k]
        rows.append([
            guess, t, turned, turned / apart,
            *((1 - abs(cos(w, centroids[t]))) - (1 - abs(cos(w, centroids[own]))) for w in (u, v)),
            sum(a * b for a, b in zip(moved, way, strict=True)) / sum(a * a for a in way),
            sum(gy[i] == own for i in near) / k, sum(gy[i] == t for i in near) / k,
        ])  # fmt: skip
    return np.array(rows)


def test_same_as_explicit_loops(setting):
    frame = shift_frame(*setting)
    columns = [column for column in COLUMNS if column not in ("id", "y", "group")]
    np.testing.assert_allclose(frame[columns].to_numpy(float), loop_oracle(*setting), atol=2e-6, rtol=1e-5)


def test_columns_groups_and_ids(setting):
    frame = shift_frame(*setting, ids=torch.arange(100, 108))
    assert list(frame) == COLUMNS
    assert frame["id"].tolist() == list(range(100, 108))
    wrong = frame["prediction"] != frame["y"]
    assert (frame["group"] == np.where(wrong, "misclassified", "correct")).all()
    assert set(frame["group"]) == {"correct", "misclassified"}
    assert (frame["false_class"] != frame["y"]).all()
    assert (frame.loc[wrong, "false_class"] == frame.loc[wrong, "prediction"]).all()


def test_no_shift_is_zero(setting):
    clean, _, logits, y, gallery = setting
    frame = shift_frame(clean, clean, logits, y, gallery)
    assert (frame[["angle", "relative_angle", "progress"]] == 0).all(axis=None)
    assert (frame["margin"] == frame["margin_clean"]).all()


def test_a_given_search_is_used(setting):
    def search(queries, k):
        return nearest(queries, setting[-1].embedding, k, "euclidean").position

    frame = shift_frame(*setting, search=search)
    assert frame["purity_own"].tolist() != shift_frame(*setting)["purity_own"].tolist()
    by_name = shift_frame(*setting, distance="euclidean")
    assert frame["purity_own"].tolist() == by_name["purity_own"].tolist()


def test_golden_angles():
    u = torch.tensor([[3.0, 4.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    v = torch.tensor([[4.0, 3.0], [-2.0, 0.0], [1.0, 1e-4], [1.0, 0.0], [0.0, 0.0]])
    expected = [math.degrees(math.acos(0.96)), 180, math.degrees(1e-4), 90, 0]
    torch.testing.assert_close(angle(u, v), torch.tensor(expected), rtol=1e-5, atol=0)


def test_golden_margin_and_progress():
    """D((4,3), (3,4)) = 0.04 and D((0,5), (3,4)) = 0.20, by hand."""
    centroids = torch.tensor([[3.0, 4.0], [0.0, 5.0]])
    y, t = torch.tensor([0]), torch.tensor([1])
    torch.testing.assert_close(centroid_margin(torch.tensor([[3.0, 4.0]]), centroids, y, t), torch.tensor([0.2]))
    torch.testing.assert_close(centroid_margin(torch.tensor([[0.0, 9.0]]), centroids, y, t), torch.tensor([-0.2]))
    axes = torch.eye(2)
    halfway = progress(torch.tensor([[7.0, 0.0]]), torch.tensor([[3.0, 3.0]]), axes, y, t)
    torch.testing.assert_close(halfway, torch.tensor([0.5]))
    arrived = progress(torch.tensor([[7.0, 0.0]]), torch.tensor([[0.0, 2.0]]), axes, y, t)
    torch.testing.assert_close(arrived, torch.tensor([1.0]))


def test_golden_centroids():
    embedding = torch.tensor([[2.0, 0.0], [0.0, 5.0], [0.0, -3.0]])
    centroids = class_centroids(embedding, torch.tensor([0, 0, 1]), 3)
    torch.testing.assert_close(centroids[:2], torch.tensor([[0.5, 0.5], [0.0, -1.0]]))
    assert centroids[2].isnan().all()
    apart = nearest_centroid_angle(centroids)
    torch.testing.assert_close(apart[:2], torch.tensor([135.0, 135.0]))
    assert apart[2].isnan()
    assert nearest_centroid_angle(centroids[:1]).isnan().all()


def test_false_class_of_right_and_wrong():
    logits = torch.tensor([[5.0, 1.0, 3.0], [5.0, 1.0, 3.0]])
    assert false_class(logits, torch.tensor([0, 1])).tolist() == [2, 0]


def test_a_class_without_natural_images_gives_nan_not_nonsense(setting):
    clean, adversarial, logits, y, gallery = setting
    wide = torch.cat([logits, torch.full((8, 1), 9.0)], 1)
    frame = shift_frame(clean, adversarial, wide, y, gallery)
    assert (frame["false_class"] == 3).all()
    assert frame[["margin", "progress"]].isna().all(axis=None)
    assert frame[["angle", "relative_angle", "purity_own"]].notna().all(axis=None)


def test_no_images_no_rows(setting):
    clean, adversarial, logits, y, gallery = setting
    frame = shift_frame(clean[:0], adversarial[:0], logits[:0], y[:0], gallery)
    assert list(frame) == COLUMNS
    assert not len(frame)


def test_bad_input_is_named(setting):
    clean, adversarial, logits, y, gallery = setting
    broken = adversarial.clone()
    broken[2, 1] = torch.nan
    for arguments, text in [
        ((clean, broken, logits, y, gallery), "adversarial must be finite, got 1 of 8 rows with NaN or infinity"),
        ((clean, adversarial[:, :4], logits, y, gallery), "moved and clean must come from one layer .* 4 and 5"),
        ((clean, adversarial[:7], logits, y, gallery), "clean and moved must be pairs, got 8 and 7"),
        ((clean, adversarial, logits[:5], y, gallery), r"logits must have shape \(8, classes >= 2\), got \(5, 3\)"),
        ((clean, adversarial, logits, y + 2, gallery), r"y must lie in 0..2, got 2..4"),
        ((clean, adversarial, logits, y, Gallery(gallery.embedding, gallery.y + 9)), r"gallery.y must lie in 0..2"),
    ]:
        with pytest.raises(ValueError, match=text):
            shift_frame(*arguments)

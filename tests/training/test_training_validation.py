"""Validation: accuracies and measures of the shift against explicit loops."""

import math

import pytest
import torch
from training_small import images_of, normed_classifier

from tla.attacks.goals import Untargeted
from tla.attacks.pgd import PGD
from tla.threat import Threat
from tla.training import open_engine
from tla.training.batches import Pool
from tla.training.validation import centroid_margin, validate

PGD2 = PGD(steps=2, random_start=False)


def held_out(labels):
    return Pool(images_of(labels), torch.device("cpu"), pad=0, flip=False, channels_last=True)


def test_validation_is_the_explicit_loop():
    module, pool = normed_classifier(classes=3).eval(), held_out([0, 1, 2, 1, 0] * 3)
    threat, engine = Threat("linf", 0.2), open_engine("cpu", "fp32")
    validation = validate(engine, module, pool, PGD2, threat, torch.Generator(), batch=4)
    clean = robust = angle = 0
    for i in range(15):
        x, y = pool.view(torch.tensor([i]), torch.Generator()), pool.labels[i : i + 1]
        moved = PGD2(module, x, Untargeted(y), threat).adversarial
        u, v = module(x), module(moved)
        correct = u.logits.argmax() == y
        clean, robust = clean + correct.item(), robust + (correct & (v.logits.argmax() == y)).item()
        cosine = torch.nn.functional.cosine_similarity(u.embedding, v.embedding).item()
        angle += math.degrees(math.acos(min(1, cosine)))
    assert validation.clean_accuracy == pytest.approx(clean / 15)
    assert validation.robust_accuracy == pytest.approx(robust / 15)
    assert validation.angle == pytest.approx(angle / 15, rel=1e-3)


def test_validation_without_images_is_nan():
    pool = held_out([0, 1])
    pool.labels = pool.labels[:0]
    validation = validate(open_engine("cpu", "fp32"), normed_classifier(3), pool, PGD2, Threat(), torch.Generator())
    assert all(math.isnan(value) for value in validation)


def test_centroid_margin_is_the_explicit_loop():
    g = torch.Generator().manual_seed(0)
    clean, moved = torch.randn(12, 4, generator=g), torch.randn(12, 4, generator=g)
    y = torch.tensor([0, 3, 3, 5] * 3)
    centroids = {k: sum(c / c.norm() for c in clean[y == k]) / int((y == k).sum()) for k in (0, 3, 5)}
    found = centroid_margin(clean, moved, y)
    for i in range(12):
        distances = {
            k: 1 - torch.nn.functional.cosine_similarity(moved[i], c, dim=0).item() for k, c in centroids.items()
        }
        own = distances.pop(int(y[i]))
        assert found[i].item() == pytest.approx(min(distances.values()) - own, abs=1e-5)


def test_one_class_has_no_margin_to_another():
    clean = torch.eye(3)
    assert torch.isfinite(centroid_margin(clean, clean, torch.zeros(3, dtype=torch.int64))).all()

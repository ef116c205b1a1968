"""The table over many images."""

import torch

from tla.attacks import PGD, evaluate
from tla.threat import Threat


def test_table_against_a_loop_over_images(digits):
    attacks = {"pgd": PGD(steps=5), "fgsm": PGD(steps=1, random_start=False, step_size=0.1)}
    frame = evaluate(
        digits.model, digits.x[:50], digits.y[:50], attacks, Threat("linf", 0.1), batch=16, precision="fp32"
    )
    assert frame.attack.value_counts().to_dict() == {"clean": 50, "pgd": 50, "fgsm": 50}
    clean = frame[frame.attack == "clean"]
    predictions = torch.cat([digits.model(image[None]).logits.argmax(1) for image in digits.x[:50]])
    assert clean.prediction.tolist() == predictions.tolist()
    assert (clean.eps == 0).all()
    missed = set(clean.id[clean.success])
    assert missed == set(torch.nonzero(predictions != digits.y[:50])[:, 0].tolist())
    rows = frame[frame.attack == "pgd"].set_index("id")
    assert rows.loc[sorted(missed)].success.all()
    assert (rows.loc[sorted(missed)].queries == 0).all()
    assert rows.success.mean() >= frame[frame.attack == "fgsm"].success.mean() > clean.success.mean()

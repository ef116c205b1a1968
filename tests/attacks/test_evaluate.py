"""The table over many images."""

import inspect

import pandas as pd
import pytest
import torch
from attack_cases import in_two_processes
from torch import nn

from tla.attacks import (
    APGD,
    PGD,
    CacheFolder,
    EvaluationInterrupted,
    Kept,
    Recorder,
    Shard,
    evaluate,
    joined,
)
from tla.attacks.evaluation.batches import Batches
from tla.threat import Threat

ATTACKS = {"pgd": PGD(steps=5), "fgsm": PGD(steps=1, random_start=False, step_size=0.1)}
THREAT = Threat("linf", 0.1)


def table(digits, n=50, attacks=ATTACKS, **parameters):
    parameters = {"batch": 16, "precision": "fp32"} | parameters
    return evaluate(digits.model, digits.x[:n], digits.y[:n], attacks, THREAT, **parameters)


def test_table_against_a_loop_over_images(digits):
    frame = table(digits)
    assert frame.attack.value_counts().to_dict() == {"clean": 50, "pgd": 50, "fgsm": 50}
    clean = frame[frame.attack == "clean"]
    predictions = torch.cat([digits.model(image[None]).logits.argmax(1) for image in digits.x[:50]])
    assert clean.prediction.tolist() == predictions.tolist()
    assert (clean.eps == 0).all()
    wrong = set(clean.id[clean.success])
    assert wrong == set(torch.nonzero(predictions != digits.y[:50])[:, 0].tolist())
    rows = frame[frame.attack == "pgd"].set_index("id")
    assert rows.loc[sorted(wrong)].success.all()
    assert (rows.loc[sorted(wrong)].queries == 0).all()
    assert rows.success.mean() >= frame[frame.attack == "fgsm"].success.mean() > clean.success.mean()
    assert set(frame.attrs["seconds"]) == {"clean", "pgd", "fgsm"}


def test_kept_images_give_the_table(digits):
    kept = Kept("pgd")
    rows = table(digits, keep=kept).query("attack == 'pgd'")
    outputs = digits.model(kept["pgd"])
    assert rows.prediction.tolist() == outputs.logits.argmax(1).tolist()
    assert torch.allclose(THREAT.distance(digits.x[:50], kept["pgd"]), torch.tensor(rows.distance.to_numpy()))
    unattacked = rows.queries.to_numpy() == 0
    assert torch.equal(kept["pgd"][unattacked], digits.x[:50][unattacked])


def test_bytes_are_images(digits):
    pixels = (digits.x[:50] * 255).round().to(torch.uint8)
    frame = evaluate(digits.model, pixels, digits.y[:50], ATTACKS, THREAT, batch=16, precision="fp32")
    pd.testing.assert_frame_equal(frame, table(digits))


def test_shards_make_the_same_table(digits):
    whole = table(digits)
    pieces = [table(digits, shard=Shard(rank, 3)) for rank in range(3)]
    pd.testing.assert_frame_equal(joined(pieces), whole)


@pytest.mark.slow
@pytest.mark.more
def test_two_processes_make_the_same_table(digits, tmp_path):
    whole = table(digits)
    torch.save({"weights": digits.model.state_dict(), "x": digits.x[:50], "y": digits.y[:50]}, tmp_path / "given.pt")
    gathered = in_two_processes(tmp_path)
    pd.testing.assert_frame_equal(joined(gathered), whole)


class Stop(nn.Module):
    """Ctrl-C at a chosen forward pass; counts them all."""

    def __init__(self, model: nn.Module, at: int):
        super().__init__()
        self.model, self.seen, self.at = model, [0], at

    def __deepcopy__(self, memo):
        return self

    def forward(self, x):
        self.seen[0] += 1
        if self.seen[0] == self.at:
            raise KeyboardInterrupt
        return self.model(x)


def test_interrupted_and_continued(digits, tmp_path):
    whole, counter = table(digits), Stop(digits.model, at=-1)
    trained = digits._replace(model=counter)
    table(trained)
    stopping = digits._replace(model=Stop(digits.model, at=counter.seen[0] // 2))
    with pytest.raises(EvaluationInterrupted, match=r"interrupted; \d+ rows were finished") as stopped:
        table(stopping, cache=CacheFolder(tmp_path))
    rows = stopped.value.frame
    assert 0 < len(rows) < len(whole)
    expected = whole.merge(rows[["attack", "id"]])
    pd.testing.assert_frame_equal(rows, expected)
    again = Stop(digits.model, at=-1)
    continued = table(digits._replace(model=again), cache=CacheFolder(tmp_path))
    pd.testing.assert_frame_equal(continued, whole)
    assert again.seen[0] < counter.seen[0]
    finished = Stop(digits.model, at=-1)
    table(digits._replace(model=finished), cache=CacheFolder(tmp_path))
    assert finished.seen[0] == 4  # only the clean images, once per batch


def test_results_of_another_model_are_not_used(digits, tmp_path):
    cache = CacheFolder(tmp_path)
    table(digits, n=16, cache=cache)
    names = set(tmp_path.iterdir())
    with torch.no_grad():
        other = Stop(digits.model, at=-1)
        weight = next(digits.model.parameters())
        weight.mul_(1.5)
        try:
            changed = table(digits._replace(model=other), n=16, cache=cache)
        finally:
            weight.div_(1.5)
    assert not changed.equals(table(digits, n=16))
    assert len(set(tmp_path.iterdir()) - names) == 2


def test_clearing_leaves_the_results_of_others(digits, tmp_path):
    """What another, unfinished evaluation has saved in the same folder is not lost."""
    folder = tmp_path / "cache"
    table(digits, n=32, cache=CacheFolder(folder))
    others, mine = set(folder.iterdir()), CacheFolder(folder)
    table(digits, n=16, attacks={**ATTACKS, "more": PGD(steps=1)}, cache=mine)
    assert set(folder.iterdir()) > others
    mine.clear()
    assert len(set(folder.iterdir())) == len(others) - 2  # two attacks on the first batch are in both
    last = CacheFolder(folder)
    table(digits, n=32, cache=last)
    last.clear()
    assert not folder.exists()
    CacheFolder(folder).clear()


def test_a_damaged_result_is_recomputed(digits, tmp_path):
    whole = table(digits, n=16, cache=CacheFolder(tmp_path))
    for file in tmp_path.glob("*.table"):
        file.write_bytes(file.read_bytes()[:50])
    pd.testing.assert_frame_equal(table(digits, n=16, cache=CacheFolder(tmp_path)), whole)


def test_a_result_with_one_flipped_bit_is_recomputed(digits, tmp_path):
    whole, kept = table(digits, n=16, cache=CacheFolder(tmp_path), keep=(first := Kept("pgd"))), Kept("pgd")
    for file in tmp_path.iterdir():
        content = bytearray(file.read_bytes())
        content[-9] ^= 4
        file.write_bytes(content)
    pd.testing.assert_frame_equal(table(digits, n=16, cache=CacheFolder(tmp_path), keep=kept), whole)
    assert torch.equal(kept["pgd"], first["pgd"])


def test_images_are_computed_where_the_cache_lacks_them(digits, tmp_path):
    table(digits, cache=CacheFolder(tmp_path))
    kept, fresh = Kept("pgd"), Kept("pgd")
    table(digits, cache=CacheFolder(tmp_path), keep=kept)
    table(digits, keep=fresh)
    assert torch.equal(kept["pgd"], fresh["pgd"])
    again = Kept("pgd")
    table(digits, cache=CacheFolder(tmp_path), keep=again)
    assert torch.equal(again["pgd"], fresh["pgd"])


def test_progress_counts_pairs(digits):
    seen = []
    table(digits, progress=seen.append)
    assert [step.done for step in seen] == [16, 32, 48, 64, 80, 96, 98, 100]
    assert all(step.total == 100 and step.rate > 0 for step in seen)
    assert [step.attack for step in seen] == ["pgd", "fgsm"] * 4


def test_success_under_bf16_is_decided_in_float32(digits):
    kept, attacks = Kept("apgd"), {"apgd": APGD(steps=10)}
    rows = table(digits, n=200, attacks=attacks, precision="bf16", keep=kept).query("attack == 'apgd'")
    assert rows.success.tolist() == (digits.model(kept["apgd"]).logits.argmax(1) != digits.y).tolist()
    exact = table(digits, n=200, attacks=attacks).query("attack == 'apgd'")
    assert abs(rows.success.mean() - exact.success.mean()) < 0.03


@pytest.mark.filterwarnings("ignore:fgsm:tla.attacks.search.step_size.ShortAttackWarning")
def test_radius_per_image(digits):
    eps = torch.linspace(0, 0.2, 50)
    frame = evaluate(digits.model, digits.x[:50], digits.y[:50], ATTACKS, Threat("linf", eps), batch=16)
    rows = frame.query("attack == 'pgd'")
    assert torch.allclose(torch.tensor(rows.eps.to_numpy()).float(), eps)
    assert (rows.distance <= rows.eps + 1e-6).all()


def test_the_model_is_not_touched(digits):
    digits.model.train()
    digits.model.backbone[1].eval()
    flags = [module.training for module in digits.model.modules()]
    weights = [weight.clone() for weight in digits.model.parameters()]
    strides = [weight.stride() for weight in digits.model.parameters()]
    state = torch.get_rng_state()
    try:
        frame = table(digits)
        assert [module.training for module in digits.model.modules()] == flags
    finally:
        digits.model.eval()
    pd.testing.assert_frame_equal(frame, table(digits))
    assert torch.equal(torch.get_rng_state(), state)
    for weight, before, stride in zip(digits.model.parameters(), weights, strides, strict=True):
        assert torch.equal(weight, before)
        assert weight.stride() == stride


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"batch": 0}, "batch must be >= 1, got 0"),
        ({"n": 0}, "x must be a batch of at least one image"),
        ({"keep": Kept("bim")}, "keep names 'bim'; the attacks are pgd, fgsm"),
        ({"attacks": {"clean": PGD()}}, "'clean' is the label of the images themselves"),
    ],
)
def test_bad_input_is_named(digits, change, text):
    with pytest.raises(ValueError, match=text):
        table(digits, **change)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ids": torch.arange(3)}, "x has 50 images, ids has 3 entries"),
        (
            {"threat": Threat("linf", 8.0)},
            r"eps must be <= 1, the whole box in linf, got 8; .* pixels in \[0, 1\]: 8/255 is 0.0314",
        ),
        ({"threat": Threat("l2", 8.1)}, "eps must be <= 8, the whole box in l2, got 8.1"),
        ({"threat": Threat("l1", torch.tensor([1.0] * 49 + [65.0]))}, "eps must be <= 64, the whole box in l1, got 65"),
        ({"y": torch.zeros(50)}, r"y must be int64 of shape \(n,\), got torch.float32 of shape \(50,\)"),
    ],
)
def test_bad_batches_are_named(digits, change, text):
    images = {"model": digits.model, "x": digits.x[:50], "y": digits.y[:50], "threat": THREAT, "ids": None}
    with pytest.raises(ValueError, match=text):
        Batches(**images | {"batch_size": 16, "seed": 0, "precision": "fp32"} | change)


def test_gradients_are_computed_inside_no_grad(digits):
    with torch.no_grad():
        pd.testing.assert_frame_equal(table(digits), table(digits))
    with torch.inference_mode():
        frame = evaluate(digits.model, digits.x[:50] + 0, digits.y[:50], ATTACKS, THREAT, batch=16, precision="fp32")
    pd.testing.assert_frame_equal(frame, table(digits))


def test_bad_shards_are_named():
    with pytest.raises(ValueError, match=r"rank must lie in 0..world - 1, got rank=2, world=2"):
        Shard(2, 2)


def test_broken_models_are_named(digits):
    class Broken(nn.Module):
        def __init__(self, change):
            super().__init__()
            self.model, self.change = digits.model, change

        def forward(self, x):
            return self.change(self.model(x))

    def broken(change):
        return digits._replace(model=Broken(change))

    with pytest.raises(ValueError, match="logits are NaN or infinite for 16 of 16 images"):
        table(broken(lambda outputs: outputs._replace(logits=outputs.logits / 0 * 0)))
    with pytest.raises(ValueError, match=r"wrap it with tla\.models\.as_classifier"):
        table(broken(lambda outputs: outputs.logits))
    with pytest.raises(ValueError, match=r"y must lie in 0..4 \(the model has 5 classes\)"):
        table(broken(lambda outputs: outputs._replace(logits=outputs.logits[:, :5])))
    with pytest.raises(ValueError, match="the model cuts the gradient between its input and its outputs"):
        table(broken(lambda outputs: outputs._replace(logits=outputs.logits.detach())))
    with pytest.raises(ValueError, match=r"x must lie in \[0, 1\], got \[-1, 1\]; give images before normalisation"):
        evaluate(digits.model, digits.x * 2 - 1, digits.y, ATTACKS, THREAT)
    with pytest.raises(ValueError, match=r"y must be class indices: whole numbers of shape \(n,\), got torch.float32"):
        inspect.unwrap(evaluate)(digits.model, digits.x, digits.y.float(), ATTACKS, THREAT)


def test_a_recorder_needs_a_step():
    with pytest.raises(ValueError, match="nothing was recorded; give the recorder to an attack as on_step"):
        Recorder().trajectory()

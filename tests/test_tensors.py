"""Arrays, lists and other types of numbers: taken or named, the same in every public function.

The shape checks of the other tests would refuse them before the functions see them, so these run in a plain process.
"""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from tla.tensors import as_floats, as_images, as_labels, as_shape, as_tensor

X = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "given", [X.numpy(), X.tolist(), X.double(), X.clone().requires_grad_(True), X.numpy()[..., ::-1][..., ::-1]]
)
def test_images_of_every_kind_are_the_same(given):
    found = as_images("x", given, dtype=torch.float32)
    torch.testing.assert_close(found, X)
    assert not found.requires_grad
    assert found.dtype == torch.float32


def test_bytes_and_halves():
    pixels = torch.arange(12, dtype=torch.uint8).reshape(3, 1, 2, 2)
    assert torch.equal(as_images("x", pixels), pixels.float() / 255)
    assert as_images("x", pixels, keep=True) is pixels
    assert as_images("x", X.half()).dtype == torch.float32
    assert as_images("x", X) is X


def test_rounding_is_clamped_and_more_is_refused():
    off = X.clone()
    off[0, 0, 0, 0], off[1, 0, 0, 0] = -3e-8, 1 + 1e-7
    assert (float(as_images("x", off).min()), float(as_images("x", off).max())) == (0, 1)
    assert float(off.min()) < 0, "the caller's images are unchanged"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: as_images("x", 255 * X), r"x must lie in \[0, 1\], got \[.*\]; divide by 255, or give bytes"),
        (lambda: as_images("x", X - 0.5), "give images before normalisation"),
        (lambda: as_images("x", X * torch.nan), "got 48 values that are NaN or infinite"),
        (lambda: as_images("x", X.long()), "x must be floating-point images in .* or bytes, got torch.int64"),
        (lambda: as_images("x", X[:0]), "x must be a batch of at least one image"),
        (lambda: as_images("x", "abc"), "x must be a tensor, an array or a list of numbers, got str"),
        (lambda: as_images("x", [[1.0], [1.0, 2.0]]), "x must be a tensor, an array or a list of numbers, got list"),
        (lambda: as_images("x", None), "got NoneType"),
        (lambda: as_labels("y", [0.0, 1.0]), r"y must be class indices: whole numbers of shape \(n,\), got torch.fl"),
        (lambda: as_labels("y", [True]), "got torch.bool"),
        (lambda: as_labels("y", [0, 1], 3), "y must have one entry for each of 3 images, got 2"),
        (lambda: as_floats("embedding", [[1, 2]]), r"embedding must be floats of shape \(n, d\), got torch.int64"),
        (lambda: as_shape((1, 28)), r"shape must be \(channels, height, width\), whole numbers >= 1, got \(1, 28\)"),
        (lambda: as_shape((1, 0, 3)), "whole numbers >= 1"),
        (lambda: as_shape(7), "got 7"),
        (lambda: as_tensor("x", np.array([{}])), "got ndarray"),
    ],
)
def test_what_cannot_be_used_is_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.int64, np.uint16])
def test_labels_of_every_integer_type_are_int64(kind):
    found = as_labels("y", np.arange(3, dtype=kind))
    assert (found.dtype, found.tolist()) == (torch.int64, [0, 1, 2])


def test_public_functions_take_what_is_like_a_tensor():
    """Every function is called with a tensor and with its likes: the same result, and no traceback."""
    script = """
        import numpy as np, torch, tla
        from tla.retrieval import GalleryIndex
        from tla.representation import Gallery, measure

        model = tla.load("digits/at")
        images = tla.load_source("digits").load().test
        x, y = images.floats(slice(0, 12)), images.labels[:12]
        kinds = {
            "tensor": (x, y), "numpy": (x.numpy(), y.numpy().astype(np.int16)), "list": (x.tolist(), y.tolist()),
            "double": (x.double(), y.int()), "grad": (x.clone().requires_grad_(True), y.to(torch.uint8)),
            "rounding": (torch.where(x == 0, -3e-8, x), y),
        }
        eps = torch.full((12,), 0.1)
        radii = dict.fromkeys(kinds, eps) | {"numpy": eps.numpy(), "list": [0.1] * 12, "rounding": 0.1}
        found = {}
        for kind, (a, b) in kinds.items():
            threat = tla.Threat("linf", radii[kind])
            result = tla.PGD(steps=3)(model, a, tla.Untargeted(b), threat, generator=torch.Generator().manual_seed(0))
            table = tla.evaluate(model, a, b, {"fgsm": tla.FGSM()}, threat, batch=5)
            moved = tla.attacks.transfer({"at": model}, a, b, tla.FGSM(), threat)
            report = tla.shift_report(model, a, result.adversarial, b, a, b, layers=())
            outputs = tla.embed(model, a)
            verdicts = tla.audit.run_audit(model, a, b, tla.Threat("linf", 0.1), level="quick").frame()
            index = GalleryIndex.build(outputs.embedding.numpy() if kind == "numpy" else outputs.embedding, b)
            found[kind] = (
                result.adversarial.sum().item(), table.success.sum(), moved.success.sum(), report.images.angle.sum(),
                outputs.logits.sum().item(), list(verdicts.verdict), index.y.tolist(),
            )
        for kind, values in found.items():
            for one, other in zip(values, found["tensor"]):
                same = one == other if isinstance(one, list) else abs(one - other) < 1e-3
                assert same, (kind, one, other)
        tla.build_model(tla.MODELS.build("small_cnn"), (1, 8, 8), 10, seed=0)
        for wrong in (np.zeros(5), [0.1, 0.2]):
            for call in (
                lambda: tla.PGD()(model, x, tla.Untargeted(y), tla.Threat("linf", wrong)),
                lambda: tla.evaluate(model, x, y, {"fgsm": tla.FGSM()}, tla.Threat("linf", wrong)),
                lambda: tla.attacks.transfer({"at": model}, x, y, tla.FGSM(), tla.Threat("linf", wrong)),
                lambda: tla.audit.run_audit(model, x, y, tla.Threat("linf", wrong)),
            ):
                try:
                    call()
                except ValueError as error:
                    assert f"eps must be one number or one per example, got {len(wrong)} for 12" in str(error), error
                else:
                    raise AssertionError("accepted")
        for call in (lambda: tla.shift_report(model, 255 * x, x, y, x, y), lambda: tla.embed(model, 255 * x)):
            try:
                call()
            except ValueError as error:
                assert "must lie in [0, 1], got [0, 255]; divide by 255" in str(error), error
            else:
                raise AssertionError("accepted")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]

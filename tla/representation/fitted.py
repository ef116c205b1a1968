"""A fitted detector that decides on new images, and its file."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.config import from_dict, to_dict
from tla.files import replacing
from tla.representation.detectors.base import DETECTORS, Detector, Score
from tla.representation.embedding import embed
from tla.types import Model, Outputs

FORMAT = "tla detector 1"


class Decision(NamedTuple):
    """What a detector says about some images.

    Attributes:
        score: Larger = more suspicious, float32, shape (b,).
        refused: True where the score lies above the threshold, shape (b,).
    """

    score: Float[Tensor, " b"]
    refused: Bool[Tensor, " b"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedDetector:
    """A detector with what it was fitted on, and a threshold.

    Args:
        detector: Its settings.
        training: What the model makes of natural training images, on the CPU: (n, classes) and (n, d).
        y: Their classes, shape (n,).
        clean: Scores of the clean images that set the threshold, ascending, shape (m,).
        share: Share of clean images that may be refused, 0..1; it names the threshold.
        about: Where it comes from, for people: plain values.
    """

    detector: Detector
    training: Outputs
    y: Int[Tensor, " n"]
    clean: Float[Tensor, " m"]
    share: float = 0.05
    about: dict[str, Any]

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"share must be in [0, 1), the share of clean images refused, got {self.share}")

    @cached_property
    def score(self) -> Score:
        """The score of `Outputs` on the CPU."""
        return self.detector.fit(self.training.embedding, self.training.logits, self.y)

    @property
    def threshold(self) -> float:
        """The lowest score such that at most `share` of the clean images lie above it: those are refused."""
        return float(self.clean[len(self.clean) - 1 - int(self.share * len(self.clean) + 1e-9)])

    @property
    def refused(self) -> float:
        """Share of the clean images that is refused: `share`, or less where scores are tied or images are few."""
        return float((self.clean > self.threshold).double().mean())

    def __call__(self, model: Model, x: Tensor) -> Decision:
        """Score images, and refuse those above the threshold.

        Args:
            model: The network that the detector was fitted on.
            x: Images in [0, 1], or bytes, shape (b, c, h, w); b may be 0.

        Raises:
            ValueError: for a network of other widths than the detector's.
        """
        outputs = _cpu(embed(model, x)) if len(x) else _nothing(self.training)
        _check_width(self.training, outputs)
        score = self.score(outputs)
        return Decision(score, score > self.threshold)

    def at(self, share: float) -> "FittedDetector":
        """The same detector where another share of clean images is refused."""
        return FittedDetector(
            detector=self.detector, training=self.training, y=self.y, clean=self.clean, share=share, about=self.about
        )

    def save(self, path: str | Path) -> Path:
        """Write it to a file (safetensors: numbers and text, nothing that is run).

        Raises:
            OSError: without space or permission; an older file is untouched.
        """
        from safetensors.torch import save_file

        path = Path(path)
        arrays = {**self.training._asdict(), "y": self.y, "clean": self.clean}
        text = {"detector": json.dumps(to_dict(self.detector)), "about": json.dumps(self.about)}
        text |= {"format": FORMAT, "share": str(self.share)}
        with replacing(path) as temporary:
            save_file({name: array.contiguous() for name, array in arrays.items()}, temporary, text)
        return path


def fit_detector(
    detector: str | Detector,
    model: Model,
    x: Tensor,
    y: Int[Tensor, " n"],
    clean: Tensor,
    *,
    share: float = 0.05,
    about: dict[str, Any] | None = None,
) -> FittedDetector:
    """Fit a detector on a network, with a threshold that refuses a share of clean images.

    Args:
        detector: A registered name, or a detector with your own settings.
        model: The network; left as it was.
        x: Natural TRAINING images, in [0, 1] or bytes, shape (n, c, h, w).
        y: Their classes, shape (n,).
        clean: Clean images that the network was NOT trained on: their scores set the threshold. On training images
            scores are lower, so that more than `share` of new ones would be refused.
        share: Share of the clean images that may be refused, in [0, 1).
        about: Kept in the file, for people.

    Raises:
        ValueError: for an unknown detector, images that are too few or do not match, or scores that are not finite.
    """
    if not len(clean):
        raise ValueError("clean must hold images, got none: the threshold is the share of them that is refused")
    chosen = DETECTORS.build(detector) if isinstance(detector, str) else detector
    training, shown = _cpu(embed(model, x)), _cpu(embed(model, clean))
    y = y.detach().cpu()
    scores = chosen.fit(training.embedding, training.logits, y)(shown).detach().float()
    if not bool(scores.isfinite().all()):
        infinite = int((~scores.isfinite()).sum())
        raise ValueError(f"clean scores must be finite, got {infinite} of {len(scores)} that are not")
    return FittedDetector(
        detector=chosen, training=training, y=y, clean=scores.sort().values, share=share, about=about or {}
    )


def load_detector(path: str | Path, share: float | None = None) -> FittedDetector:
    """Read a detector that `FittedDetector.save` wrote.

    Args:
        path: The file.
        share: Share of clean images refused; by default the one it was saved with.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file, is damaged, or names a detector that is not registered.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no detector {path}; fit one: tla.fit_detector(...).save(path)")
    try:
        with safe_open(path, framework="pt") as file:
            text = file.metadata() or {}
            if text.get("format") != FORMAT:
                raise ValueError(f"{path} is not a detector that tla saved")
            arrays = {name: file.get_tensor(name) for name in ("logits", "embedding", "y", "clean")}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a detector that tla saved, or is damaged: {error}") from None
    return FittedDetector(
        detector=from_dict(Detector, json.loads(text["detector"]), str(path)),
        training=Outputs(arrays["logits"], arrays["embedding"]),
        y=arrays["y"],
        clean=arrays["clean"],
        share=float(text["share"]) if share is None else share,
        about=json.loads(text["about"]),
    )


def _cpu(outputs: Outputs) -> Outputs:
    return Outputs(*(tensor.detach().float().cpu() for tensor in outputs))


def _nothing(like: Outputs) -> Outputs:
    return Outputs(*(tensor[:0] for tensor in like))


def _check_width(training: Outputs, outputs: Outputs) -> None:
    for name, fitted, found in zip(("embeddings", "logits"), reversed(training), reversed(outputs), strict=True):
        if fitted.shape[1] != found.shape[1]:
            raise ValueError(
                f"model must be the one that the detector was fitted on, with {name} of width {fitted.shape[1]}, "
                f"got {found.shape[1]}"
            )

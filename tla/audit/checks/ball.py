"""Are the adversarial images allowed?"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tla.audit.base import CHECKS, Check, Verdict, Word, worst
from tla.audit.context import Context, Stored, overshoot
from tla.devices import exact
from tla.statistics.exact import exceeds

ADVICE = {
    "FAIL": "These images break the threat model: project them, or declare the eps that was used.",
    "WARN": "Attack a little beyond the decision boundary, or report the accuracy of the rounded images.",
}


class Finding(NamedTuple):
    """The result for one array: its verdict, a sentence, the images concerned."""

    word: Word
    sentence: str
    ids: tuple[int, ...] = ()


@CHECKS.register("ball")
@dataclass(frozen=True, kw_only=True)
class Ball(Check):
    """Every adversarial image is finite, in the box and in the ball, measured on the stored array.

    FAIL: one image is further from its clean image than eps (1 + 1e-6) plus the rounding of float32 pixels (2^-23
    each), outside the box, or not finite; distances are computed in float64. WARN: after rounding to 8 bits more
    than `fragile` of the fooled images are right again, with 95 % confidence: the result would not survive being saved
    as pictures. Source: Carlini et al. 2019, checklist.

    Args:
        fragile: Share of the fooled images that rounding may lose.
    """

    number = 5
    title = "ball and box"
    level = "quick"
    fragile: float = 0.05

    def __call__(self, context: Context) -> Verdict:
        """FAIL if a stored or a new adversarial image is outside."""
        findings = [self._measure(context, item) for item in context.arrays()]
        word = worst(finding.word for finding in findings)
        ids = dict.fromkeys(number for finding in findings if finding.word == word for number in finding.ids)
        return Verdict(
            check="ball",
            number=self.number,
            verdict=word,
            evidence="; ".join(finding.sentence for finding in findings),
            advice=ADVICE.get(word, ""),
            ids=tuple(ids) if word != "OK" else (),
        )

    def _measure(self, context: Context, item: Stored) -> Finding:
        over = overshoot(item.x, item.adversarial, item.threat)
        outside = over > 0
        if not bool(outside.any()):
            return self._round(context, item)
        share = f"{int(outside.sum())} of {len(over)} images"
        sentence = f"{item.name}: {share} are outside the ball or the box, by up to {float(over.amax()):.3g}"
        return Finding("FAIL", sentence, _ids(item, outside))

    def _round(self, context: Context, item: Stored) -> Finding:
        """What 8-bit rounding does to images that are all inside."""
        threat = item.threat
        largest = max(float(threat.distance(exact(x), exact(images)).amax()) for _, x, images in item.parts())
        sentence = f"{item.name}: all {len(item.x)} images inside, largest {threat.norm} distance {largest:.6g}"
        if (threat.low, threat.high) != (0, 1):
            return Finding("OK", f"{sentence}; not rounded, as the box is not [0, 1]")
        farthest, kept = 0.0, []
        for rows, x, images in item.parts():
            rounded = (exact(images) * 255).round() / 255
            farthest = max(farthest, float(threat.distance(exact(x), rounded).amax()))
            kept.append(context.predictions(rounded.to(images)) != item.y[rows])
        before, after = context.predictions(item.adversarial) != item.y, torch.cat(kept)
        lost, fooled = before & ~after, int(before.sum())
        sentence += (
            f" ({farthest:.6g} after 8-bit rounding, which corrects {int(lost.sum())} of {fooled} fooled images)"
        )
        word = "WARN" if exceeds(int(lost.sum()), fooled, self.fragile) else "OK"
        return Finding(word, sentence, _ids(item, lost))


def _ids(item: Stored, rows: Tensor) -> tuple[int, ...]:
    return tuple(item.ids[rows.to(item.ids.device)].tolist())

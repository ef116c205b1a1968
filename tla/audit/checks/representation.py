"""Does attacking the embedding, or the detector, find what attacking the logits missed?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tla.attacks import PGD, CollideWithEmbedding, EvadeDetector, Goal, LeaveEmbedding, Untargeted
from tla.attacks.goals import Score
from tla.audit.base import CHECKS, Check, Verdict, worst
from tla.audit.compare import Comparison, compare, equal_rule, weaker_rule
from tla.audit.context import Context
from tla.audit.subject import forward
from tla.audit.variants import setting
from tla.distances import pairwise
from tla.types import Outputs


@CHECKS.register("representation")
@dataclass(frozen=True, kw_only=True)
class Representation(Check):
    """Attacks on the embedding break nothing more, and the detector catches an attacker who knows it.

    PGD with the steps of the attack under audit drives the embedding away from where it was, and onto that of the
    nearest image of another class; every iterate counts. FAIL: more than 1 % of the images, with 95 % confidence,
    are broken by these and not by the attack. With a detector, its threshold is set to refuse `refused` of the
    correctly classified clean images, and an attacker who also lowers its score is compared with the attack as it is.
    FAIL: significantly more images pass undetected and misclassified (one-sided exact McNemar, p < 0.01), and with
    95 % confidence more than 1 % newly do: the detector's figures then hold only for attackers who do not know it.
    WARN: only the latter. Sources: Sabour et al. 2016; Carlini & Wagner 2017 (detectors); Carlini et al. 2019;
    Bryniarski et al. 2022.

    Args:
        refused: Share of clean images that the detector refuses.
    """

    number = 25
    title = "attacks on the representation"
    level = "long"
    cost = 0.3
    refused: float = 0.05

    def __call__(self, context: Context) -> Verdict:
        """FAIL if attacks on the embedding break more, or the detector is evaded."""
        clean = forward(context.embedding_model, context.x, context.batch)
        goals = {
            "leave": LeaveEmbedding(clean.embedding),
            "collide": CollideWithEmbedding(self._nearest(context, clean)),
        }
        broken = [self._run(context, name, goal) for name, goal in goals.items()]
        comparison = compare(torch.stack(broken).any(0), context.run.broken)
        robust = int((~context.run.broken & ~comparison.rows).sum())
        evidence = (
            f"attacks on the embedding broke {comparison.gained} of {comparison.n} images that {context.run.name} "
            f"missed ({robust} survive both)"
        )
        advice = "Report the union: the logits hide what the embedding shows."
        if context.detector is None:
            evidence += "; no detector was given"
            return self.say(context, weaker_rule(comparison), evidence, advice, comparison.rows)
        undetected = self._undetected(context, clean, context.detector)
        words = weaker_rule(comparison), equal_rule(undetected)
        evidence += (
            f"; an attacker who knows the detector gets {undetected.gained} misclassified images past it that the "
            f"attack did not, and loses {undetected.lost} (McNemar p = {undetected.p:.2g})"
        )
        if words[1] != "OK":
            advice = "Report the detector against the adaptive attacker; its other figures are labelled not adaptive."
        return self.say(context, worst(words), evidence, advice, comparison.rows | undetected.rows)

    @staticmethod
    def _nearest(context: Context, clean: Outputs) -> Tensor:
        """For each image the closest embedding of an image of another class, shape (n, d)."""
        distances = pairwise(clean.embedding, clean.embedding, "cosine")
        same = context.y[:, None] == context.y[None]
        return clean.embedding[distances.masked_fill(same, torch.inf).argmin(1)]

    def _run(self, context: Context, name: str, goal: Goal) -> Tensor:
        """Where any iterate of the search was misclassified, clean errors included, shape (n,)."""
        attack = PGD(steps=setting(context.attack, "steps", 40))
        run = context.attacked(
            f"pgd on the embedding ({name})", attack, goal=goal, model=context.embedding_model, record=True
        )
        ever = run.broken.clone()
        if run.trajectory is not None:
            ever[run.trajectory.row[run.trajectory.prediction != context.y[run.trajectory.row]]] = True
        context.broken[run.name] = ever
        return ever

    def _undetected(self, context: Context, clean: Outputs, score: Score) -> Comparison:
        """Misclassified images that pass the detector: the adaptive attacker's against those of the attack as it is."""
        threshold = float(score(clean)[context.correct].detach().quantile(1 - self.refused))
        goal = EvadeDetector(Untargeted(context.y, "margin"), score, threshold)
        attack = PGD(steps=setting(context.attack, "steps", 40), loss="margin")
        adaptive = context.attacked("adaptive pgd", attack, goal=goal, model=context.embedding_model)

        def passed(images: Tensor) -> Tensor:
            outputs = forward(context.embedding_model, images, context.batch)
            wrong = context.inside(images) & (outputs.logits.argmax(1) != context.y)
            return context.correct & wrong & (score(outputs) < threshold)

        return compare(passed(adaptive.result.adversarial), passed(context.run.result.adversarial))

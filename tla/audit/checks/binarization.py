"""Does the attack find an adversarial image that is known to be there?"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tla.audit.ball import overshoot
from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.binarise import Problems, problems
from tla.audit.context import Context
from tla.audit.subject import forward
from tla.audit.variants import CannotRunError, loss_of
from tla.statistics.exact import exceeds


class Solved(NamedTuple):
    """What an attack solved, shape (s,), and its mean queries."""

    rows: Tensor
    queries: int


@CHECKS.register("binarization")
@dataclass(frozen=True, kw_only=True)
class Binarization(Check):
    """The attack solves problems on the model's own embedding whose answer is known (Zimmermann et al. 2022).

    For each image a linear readout is fitted that tells one random point of the ball's surface from points inside it:
    by construction the ball then holds an adversarial image. The attack, with its own loss, must find one. FAIL: it
    solves, with 95 % confidence, less than `wanted` of the problems. WARN: less, without that confidence; or random
    points, as many as the attack has queries, solve more than `easy` of them with 95 % confidence: passing then says
    little.

    Args:
        samples: Problems, one per correctly classified image.
        inner: Points inside each ball.
        shrink: Radius of the inner points, over eps.
        tight: Where the readout cuts between the outermost inner point (0) and the surface point (1).
        wanted: Share of problems that a good attack solves (the paper's threshold).
        easy: Share of problems that random points may solve.
    """

    number = 23
    title = "binarization test"
    level = "long"
    samples: int = 64
    inner: int = 199
    shrink: float = 0.95
    tight: float = 0.9
    wanted: float = 0.95
    easy: float = 0.5

    def __call__(self, context: Context) -> Verdict:
        """FAIL where the attack misses what is there."""
        rows = context.correct.nonzero()[: self.samples, 0]
        if len(rows) == 0:
            raise CannotRunError("no clean image is classified correctly")
        made = problems(context, rows, self.inner, self.shrink, self.tight)
        n, (solved, queries) = len(made.rows), self._attack(context, made)
        count, lucky = int(solved.sum()), int(self._chance(context, made, queries).sum())
        evidence = (
            f"{context.attack_name} solved {count} of {n} problems with a known answer, {queries} random points each "
            f"solved {lucky}; {made.skipped} images gave no problem"
        )
        if count < self.wanted * n:
            sure = exceeds(n - count, n, 1 - self.wanted)
            advice = "The attack is too weak for this model: raise steps and restarts, change the loss, or adapt it."
            return self.say(context, "FAIL" if sure else "WARN", evidence, advice, made.rows[~solved])
        easy = exceeds(lucky, n, self.easy)
        return self.say(context, "WARN" if easy else "OK", evidence, "The problems are easy here: passing says little.")

    @staticmethod
    def _attack(context: Context, made: Problems) -> Solved:
        """Which problems the attack solved inside the ball, and its mean queries."""
        x, threat = context.x[made.rows], context.threat.select(made.rows)
        goal = made.goal.using(loss_of(context.attack))
        source = context.source("attack", 0)
        result = context.attack(context.embedding_model, x, goal, threat, generator=source)
        inside = overshoot(x, result.adversarial, threat) <= 0
        across = made.goal.reached(forward(context.embedding_model, result.adversarial, context.batch))
        return Solved(inside & across, round(float(result.queries.float().mean())))

    @staticmethod
    def _chance(context: Context, made: Problems, draws: int) -> Tensor:
        """Which problems random points of the ball solve, shape (s,)."""
        x, threat = context.x[made.rows], context.threat.select(made.rows)
        source = context.source("binarise", "chance")
        lucky = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for _ in range(max(1, draws)):
            outputs = forward(context.embedding_model, threat.start(x, source), context.batch)
            lucky = lucky | made.goal.reached(outputs)
        return lucky

"""Does the attack find an adversarial image that is known to be there?"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.binarization import BinaryProblems, binary_problems
from tla.audit.context import Context, overshoot
from tla.audit.subject import forward
from tla.audit.variants import CannotRunError, loss_of
from tla.statistics.exact import exceeds


class Solved(NamedTuple):
    """Which problems an attack solved, shape (s,), and its mean queries."""

    rows: Tensor
    queries: int


@CHECKS.register("binarization")
@dataclass(frozen=True, kw_only=True)
class Binarization(Check):
    """The attack solves problems with a known solution on the model's own embedding (Zimmermann et al. 2022).

    For each image a linear readout is fitted that separates one random point on the ball's surface from points inside:
    by construction the ball then contains an adversarial image. The attack, with its own loss, must find one. FAIL: it
    solves, with 95 % confidence, less than `wanted` of the problems. WARN: less, without that confidence; or as many
    random points as the attack has queries solve more than `easy` of them, with 95 % confidence: passing then proves
    little.

    Args:
        samples: Problems, one per correctly classified image.
        inner: Points inside each ball.
        shrink: Radius of the inner points, over eps.
        tight: Where the readout cuts, between the outermost inner point (0) and the surface point (1).
        wanted: Share of problems that a good attack solves (the paper's threshold).
        easy: Share of problems that random points may solve.
    """

    number = 23
    title = "binarization test"
    level = "long"
    cost = 1.1
    samples: int = 64
    inner: int = 199
    shrink: float = 0.95
    tight: float = 0.9
    wanted: float = 0.95
    easy: float = 0.5

    def __call__(self, context: Context) -> Verdict:
        """FAIL if the attack misses known solutions."""
        rows = context.correct.nonzero()[: self.samples, 0]
        if len(rows) == 0:
            raise CannotRunError("no clean image is classified correctly")
        posed = binary_problems(context, rows, self.inner, self.shrink, self.tight)
        n, (solved, queries) = len(posed.rows), self._attack(context, posed)
        count, lucky = int(solved.sum()), int(self._chance(context, posed, queries).sum())
        evidence = (
            f"{context.attack_name} solved {count} of {n} problems with a known solution, {queries} random points each "
            f"solved {lucky}; {posed.skipped} images gave no problem"
        )
        if count < self.wanted * n:
            sure = exceeds(n - count, n, 1 - self.wanted)
            advice = "The attack is too weak for this model: raise steps and restarts, change the loss, or adapt it."
            return self.say(context, "FAIL" if sure else "WARN", evidence, advice, posed.rows[~solved])
        easy = exceeds(lucky, n, self.easy)
        return self.say(
            context, "WARN" if easy else "OK", evidence, "The problems are easy here: passing proves little."
        )

    @staticmethod
    def _attack(context: Context, posed: BinaryProblems) -> Solved:
        """Which problems the attack solved inside the ball, and its mean queries."""
        x, threat = context.x[posed.rows], context.threat.select(posed.rows)
        goal = posed.goal.using(loss_of(context.attack))
        source = context.source("attack", 0)
        result = context.attack(context.embedding_model, x, goal, threat, generator=source)
        inside = overshoot(x, result.adversarial, threat) <= 0
        across = posed.goal.reached(forward(context.embedding_model, result.adversarial, context.batch))
        return Solved(inside & across, round(float(result.queries.float().mean())))

    @staticmethod
    def _chance(context: Context, posed: BinaryProblems, draws: int) -> Tensor:
        """Which problems random points of the ball solve, shape (s,)."""
        x, threat = context.x[posed.rows], context.threat.select(posed.rows)
        source = context.source("binarise", "chance")  # the key of the random stream
        lucky = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for _ in range(max(1, draws)):
            outputs = forward(context.embedding_model, threat.start(x, source), context.batch)
            lucky = lucky | posed.goal.reached(outputs)
        return lucky

"""Is the model evaluated as it would be deployed?"""

from dataclasses import dataclass

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.snapshot import changes


@CHECKS.register("eval_mode")
@dataclass(frozen=True, kw_only=True)
class EvalMode(Check):
    """No module is in training mode, and evaluating changes nothing in the model.

    FAIL: a module came in training mode (dropout drops, batch norm looks at the batch), or forward passes and the
    attack changed a parameter, a buffer or a mode. No statistics: one module is enough. All other checks look at the
    model in evaluation mode. Source: Carlini et al. 2019, checklist; Croce & Hein 2020, flags of AutoAttack.

    Args:
        named: How many modules the evidence names at most.
    """

    number = 1
    title = "evaluation mode"
    level = "quick"
    named: int = 4

    def __call__(self, context: Context) -> Verdict:
        """FAIL where a module came in training mode or evaluation changed the model."""
        training = [name or "the model itself" for name in context.before.training]
        if training:
            return self.say(
                context,
                "FAIL",
                f"{len(training)} of {sum(1 for _ in context.original.modules())} modules came in training mode: "
                f"{self._list(training)}",
                "Call model.eval() before the evaluation and repeat it; numbers from training mode are not comparable.",
            )
        try:
            used = f"{context.clean.logits.shape[0]} forward passes and {context.run.name}"
        except Exception as error:  # the checks that need what failed say so themselves
            used = f"what could be run ({type(error).__name__} ended it)"
        moved = changes(context.original, context.before)
        if moved:
            return self.say(
                context,
                "FAIL",
                f"{used} changed the model: {self._list(list(moved))}",
                "A model that adapts while it is attacked must be reset before every image, or the order decides.",
            )
        return self.say(context, "OK", f"no module in training mode; {used} changed no parameter, buffer or mode")

    def _list(self, names: list[str]) -> str:
        more = len(names) - self.named
        return ", ".join(names[: self.named]) + (f" and {more} more" if more > 0 else "")

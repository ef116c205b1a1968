"""Is the model evaluated as it would be deployed?"""

from dataclasses import dataclass

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.snapshot import changes


@CHECKS.register("eval_mode")
@dataclass(frozen=True, kw_only=True)
class EvalMode(Check):
    """No module is in training mode, and evaluating changes nothing in the model.

    FAIL: a module was in training mode (active dropout, batch norm with batch statistics), or forward passes and the
    attack changed a parameter, a buffer or a mode. No statistics: one module is enough. All other checks use the model
    in evaluation mode. Source: Carlini et al. 2019, checklist; Croce & Hein 2020, flags of AutoAttack.

    Args:
        named: Most modules that the evidence names.
    """

    number = 1
    title = "evaluation mode"
    level = "quick"
    named: int = 4

    def __call__(self, context: Context) -> Verdict:
        """FAIL if a module was in training mode or evaluation changed the model."""
        training = [name or "the model itself" for name in context.before.training]
        if training:
            return self.say(
                context,
                "FAIL",
                f"{len(training)} of {sum(1 for _ in context.original.modules())} modules were in training mode: "
                f"{self._list(training)}",
                "Call model.eval() and repeat the evaluation; numbers from training mode are not comparable.",
            )
        try:
            used = f"{context.clean.logits.shape[0]} forward passes and {context.run.name}"
        except Exception as error:  # the checks that need it report the failure themselves
            used = f"what ran before {type(error).__name__}"
        moved = changes(context.original, context.before)
        if moved:
            return self.say(
                context,
                "FAIL",
                f"{used} changed the model: {self._list(list(moved))}",
                "Reset a model that adapts before every image; otherwise the result depends on the order.",
            )
        return self.say(context, "OK", f"no module in training mode; {used} changed no parameter, buffer or mode")

    def _list(self, names: list[str]) -> str:
        more = len(names) - self.named
        return ", ".join(names[: self.named]) + (f" and {more} more" if more > 0 else "")

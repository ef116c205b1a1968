"""Counts the tries of a campaign; prints what did not hold."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

KINDS = ("held", "lost", "silently wrong", "traceback")


@dataclass
class Tally:
    """Outcomes of a campaign.

    Args:
        name: Of the campaign.
        seed: Of its tries.
    """

    name: str
    seed: int
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    started: float = field(default_factory=time.monotonic)

    def add(self, outcome: str, what: object = "") -> None:
        """Count one try; anything but "held" is printed with what was tried."""
        self.counts[outcome] += 1
        if outcome != "held":
            print(f"{outcome}: {what}", flush=True)

    def line(self) -> str:
        """The last line of a campaign."""
        tried = sum(self.counts.values())
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        return f"{self.name} (seed {self.seed}): {tried} tried, {counts}; {time.monotonic() - self.started:.0f} s"


def command(name: str, campaign: Callable[[int, int], Tally], tries: int) -> None:
    """Run a campaign from the command line: `python tests/campaign/damage.py --tries 1000 --seed 1`."""
    parser = argparse.ArgumentParser(description=campaign.__doc__)
    parser.add_argument("--tries", type=int, default=tries)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = campaign(options.tries, options.seed)
    print(tally.line())
    raise SystemExit(sum(tally.counts.values()) != tally.counts["held"])

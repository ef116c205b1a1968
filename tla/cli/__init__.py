"""The command line: one verb per file. The only package that prints."""

import importlib
import platform
import sys
from collections.abc import Sequence

from tla.cli.ending import any_locale, ended
from tla.cli.words import COMPUTING, plain_warnings, with_device, with_quotients
from tla.messages import did_you_mean

VERBS = {
    "study": "train methods, attack them, measure and report: `tla study digits`",
    "sweep": "one setting at several values, with its figure: `tla sweep digits method.tla.alpha 0.1 0.3`",
    "attack": "attack a model (a study's, a shipped one or your own) and tabulate the result",
    "audit": "can this robustness figure be trusted? verdicts with evidence",
    "figure": "draw one figure of a study: `tla figure one_class studies/digits`",
    "report": "rebuild a study's report.html",
    "explore": "a study's maps, pictures, neighbours and threshold in one HTML file",
    "export": "a study's points for Embedding Atlas or FiftyOne: `tla export atlas digits`",
    "pack": "copy a finished study for sharing, without what is only needed to resume it",
    "fill": "fill in the images of a study that came without: `tla fill cifar10`",
    "list": "everything available: methods, attacks, models, data sets, recipes, figures, checks",
    "app": "open the dashboard in the browser",
    "notebooks": "copy the notebooks, one per figure: `tla notebooks FOLDER`",
}

USAGE = """\
tla: see what an adversarial attack does to a network's representation,
     and train networks whose representation holds.

usage: tla VERB ...        more: tla VERB --help

"""

DEVICE = f"""

--device NAME, for {", ".join(COMPUTING)}: auto (the first GPU if there is one), cpu, cuda, cuda:1 or mps"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: The words after `tla`; by default those of the process.

    Returns:
        The exit status: 0 success, 1 bad input, 2 bad usage, 3 a failed audit, 70 a fault of this program, 130
        interrupted, 141 the output was closed, 143 ended by SIGTERM.
    """
    any_locale()
    words = list(sys.argv[1:] if arguments is None else arguments)
    return ended(words[0] if words[:1] and words[0] in VERBS else "", lambda: _run(words))


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE + "\n".join(f"  {verb:<9} {text}" for verb, text in VERBS.items()) + DEVICE)
        return 0
    if words[0] in ("-V", "--version", "version"):
        from tla.extras import versions

        tla, torch = versions(("tla", "torch")).values()
        print(
            f"tla {tla} (torch {torch}, Python {platform.python_version()}, {platform.system()} {platform.machine()})"
        )
        return 0
    if words[0] not in VERBS:
        print(f"tla: unknown verb {words[0]!r}; {did_you_mean(words[0], VERBS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"tla.cli.{words[0]}_verb")
    with plain_warnings(words[0]):
        return module.run(with_quotients(with_device(words[0], words[1:])))

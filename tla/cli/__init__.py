"""The command line: one verb per file. The only room that prints."""

import importlib
import sys
from collections.abc import Sequence

from tla.messages import did_you_mean

VERBS = {
    "study": "train methods, attack them, measure and show what happened: `tla study digits`",
    "sweep": "one setting at several values, with its figure: `tla sweep digits method.tla.alpha 0.1 0.3`",
    "attack": "attack a model (a study's, a shipped one or your own) and tabulate the result",
    "audit": "is this robustness figure to be believed? verdicts with evidence",
    "figure": "draw one figure of a study: `tla figure one_class studies/digits`",
    "report": "write a study's report.html anew",
    "pack": "copy a finished study to pass it on, without what is only needed to go on",
    "list": "what there is: methods, attacks, models, data sets, recipes, figures, checks",
    "app": "open the dashboard in the browser",
}

USAGE = """\
tla: see what an adversarial attack does to a network's representation,
     and train networks whose representation holds.

usage: tla VERB ...        tla VERB --help says more

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: Words after `tla`; those of the process by default.

    Returns:
        The exit status: 0 done, 1 the input was at fault, 2 the words were, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE + "\n".join(f"  {verb:<8} {text}" for verb, text in VERBS.items()))
        return 0
    if words[0] in ("-V", "--version", "version"):
        from tla.extras import versions

        print(f"tla {versions()['tla']}")
        return 0
    if words[0] not in VERBS:
        print(f"tla: unknown verb {words[0]!r}; {did_you_mean(words[0], VERBS)}", file=sys.stderr)
        return 2
    return _run(words[0], words[1:])


def _run(verb: str, words: list[str]) -> int:
    module = importlib.import_module(f"tla.cli.{verb}_verb")
    try:
        return module.run(words)
    except (ValueError, FileNotFoundError, ModuleNotFoundError, OSError) as error:
        print(f"tla {verb}: {error}", file=sys.stderr)
        return 1
    except SystemExit as end:  # --help, or words that do not fit
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        print(
            f"\ntla {verb}: interrupted; what is finished is kept, run the same command again to go on", file=sys.stderr
        )
        return 130

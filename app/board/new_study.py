"""The form that starts a study from a recipe: what it trains and attacks, how long that takes, and what is running."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from board.estimate import estimate, words
from board.own_study import eps_refusal
from board.running import runs, visitor
from board.studies import root, studies
from board.unfinished import DIGITS, say_last, watch
from board.words import label
from tla.config import digest, plain_value
from tla.study.config import Study, study_from
from tla.study.locate import available
from tla.study.recipes import read, shipped

MOST = 100_000
MOST_SEEDS = 20


class StudyChoice(NamedTuple):
    """What the form holds, as it was typed.

    Attributes:
        methods: Names of the methods.
        epochs: Of each training.
        eps: Radius of the threat, "8/255".
        n: Attacked test images.
        seeds: "0 1 2".
    """

    methods: tuple[str, ...]
    epochs: int
    eps: str
    n: int
    seeds: str


def new_study(shown: Path | None = None) -> None:
    """Start a study from a recipe, and follow those that are running.

    Args:
        shown: A study whose progress the page shows already.
    """
    st.subheader("Run a study", anchor=False)
    started = runs()
    for folder in [folder for folder in list(started.processes) if started.running(folder) and folder != shown]:
        watch(folder)
    recipes = list(shipped())
    recipe = st.selectbox(
        "Recipe",
        recipes,
        index=recipes.index(DIGITS) if DIGITS in recipes else 0,
        key="recipe",
        help="Recipes other than digits need their data set, in the folder TLA_DATA or as a download.",
    )
    study = _recipe(str(recipe))
    choice = _choose(str(recipe), study)
    reason = refusal(choice, study)
    changes = [] if reason else changed(choice, study)
    folder = root() / folder_name(str(recipe), changes)
    busy = started.refusal(folder, visitor())
    place = st.empty()
    st.button(
        "Start",
        type="primary",
        icon=":material/play_arrow:",
        on_click=started.start,
        args=(recipe, folder, visitor(), changes),
        disabled=bool(reason or busy),
        key="start_recipe",
    )
    for text in filter(None, (reason, busy)):
        st.caption(f":material/info: {text}")
    say_last(folder)
    st.code(" ".join(["tla study", str(recipe), *changes, "--out", str(folder)]), language="bash")
    if not reason:
        with place:
            _say_time(chosen_study(choice, study))


def _choose(recipe: str, study: Study) -> StudyChoice:
    """The controls, at first as the recipe has it."""
    from tla.training import METHODS

    known = list(dict.fromkeys([*study.methods, *METHODS.names()]))
    methods = st.pills(
        "Methods",
        known,
        default=list(study.methods),
        selection_mode="multi",
        format_func=label,
        key=f"new_methods_{recipe}",
    )
    one, two, three, four = st.columns(4)
    return StudyChoice(
        tuple(name for name in known if name in methods),
        one.number_input("Epochs", 1, 1000, study.train.epochs, key=f"new_epochs_{recipe}"),
        two.text_input("eps", f"{study.attack.eps:.6g}", key=f"new_eps_{recipe}", help="In pixel units: 8/255 or 0.1."),
        three.number_input(
            "Attacked test images (n)", 1, MOST, study.attack.examples, key=f"new_n_{recipe}", help="All if fewer."
        ),
        four.text_input(
            "Seeds", " ".join(map(str, study.seeds)), key=f"new_seeds_{recipe}", help="One training for each: 0 1 2."
        ),
    )


def refusal(choice: StudyChoice, study: Study) -> str:
    """Why this cannot be started, in a sentence; empty if it can.

    Args:
        choice: What the form holds.
        study: The recipe's.
    """
    if not choice.methods:
        return "Choose at least one method."
    seeds = choice.seeds.replace(",", " ").split()
    if not seeds or not all(re.fullmatch(r"[0-9]{1,9}", seed) for seed in seeds) or len(seeds) > MOST_SEEDS:
        return f"Seeds must be 1 to {MOST_SEEDS} whole numbers such as 0 1 2, got {choice.seeds!r}."
    if len({int(seed) for seed in seeds}) < len(seeds):
        return f"Seeds must differ, got {choice.seeds!r}."
    if reason := eps_refusal(choice.eps):
        return reason
    try:
        chosen_study(choice, study)
    except ValueError as error:
        return str(error)
    return ""


def changed(choice: StudyChoice, study: Study) -> list[str]:
    """The words of `tla study` for what differs from the recipe.

    Args:
        choice: A choice that can be started.
        study: The recipe's.
    """
    seeds = [str(int(seed)) for seed in choice.seeds.replace(",", " ").split()]
    found: list[str] = []
    if set(choice.methods) != set(study.methods):
        found += ["--methods", *choice.methods]
    if choice.epochs != study.train.epochs:
        found += ["--train.epochs", str(choice.epochs)]
    if f"{plain_value(choice.eps.strip()):.6g}" != f"{study.attack.eps:.6g}":
        found += ["--eps", choice.eps.strip()]
    if choice.n != study.attack.examples:
        found += ["--examples", str(choice.n)]
    return found if seeds == [str(seed) for seed in study.seeds] else [*found, "--seeds", *seeds]


def folder_name(recipe: str, changes: list[str]) -> str:
    """Folder of the study: the recipe, and what differs from it; the same settings resume the same study."""
    short = {"--methods": "", "--train.epochs": "epochs", "--eps": "eps", "--examples": "n", "--seeds": "seeds"}
    parts, last = [recipe], ""
    for word in changes:
        if word in short:
            last = short[word]
        else:
            parts.append(f"{last}{word}")
            last = ""
    name = re.sub(r"[^\w.+-]+", "_", "-".join(parts))
    if len(name) <= 80:
        return name
    return f"{name[:70]}-{digest(changes)[:8]}"


def _say_time(study: Study) -> None:
    found = estimate(study, {**available(root()), **studies()})
    if found is None:
        st.caption(
            ":material/timer: No estimate of the time: no finished study of this data set and network is here to "
            "derive one from."
        )
    else:
        st.markdown(f":material/timer: **About {words(found.seconds)} on this machine.** {found.basis}")


def chosen_study(choice: StudyChoice, study: Study) -> Study:
    """The study that would be run.

    Args:
        choice: A choice that can be started.
        study: The recipe's.

    Raises:
        ValueError: if its settings do not go together.
    """
    eps = float(plain_value(choice.eps.strip()))
    seeds = tuple(int(seed) for seed in choice.seeds.replace(",", " ").split())
    attack = replace(study.attack, eps=eps, examples=choice.n)
    train = replace(study.train, epochs=choice.epochs)
    return replace(study, methods=choice.methods, seeds=seeds, train=train, attack=attack)


@st.cache_resource(show_spinner=False, max_entries=32)
def _recipe(name: str) -> Study:
    values: dict[str, Any] = read(name)
    return study_from(values)

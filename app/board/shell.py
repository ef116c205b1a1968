"""The frame of every page: study and sample, where a number comes from, and how to get it in Python."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from pathlib import Path

import streamlit as st

from board import state
from board.fill_in import offer_images
from board.kept import kept
from board.keys import on_keys
from board.pictures import uri
from board.running import runs
from board.selection.focus import contested, correct_count
from board.studies import (
    DamagedFileError,
    MissingDataError,
    NotInEmbeddingsError,
    View,
    WithoutImagesError,
    finished,
    open_study,
    ships,
    studies,
)
from board.unfinished import DIGITS, offer, running_box
from board.words import count
from board.words import label as label
from tla.plots.drawing.believed import believed

PAUSE = 0.02
"""Seconds in which what is above leaves before more is computed, which needs Python's one lock as sending does."""
READABLE = "mnist-robust"
"""The study that a newcomer sees first."""
_FRAME = "frame_shown"


def current() -> View | None:
    """The study that is shown; None if there is none."""
    found = studies()
    if not found:
        return None
    name = st.session_state.get(state.STUDY)
    name = name if name in found else default(found)
    return open_study(name, found[name], str(st.session_state.get(state.CONDITION) or ""))


def default(found: dict[str, Path]) -> str:
    """Your own study that was finished last; else, of those that ship, the one with images that anybody can read."""
    done = [name for name, path in found.items() if finished(name, path)]
    own = [name for name in done if not ships(found[name])]
    if own:
        return max(own, key=lambda name: (found[name] / "manifest.json").stat().st_mtime_ns)
    order = sorted(done or found, key=lambda name: (not name.startswith(READABLE), not name.startswith(DIGITS), name))
    return order[0]


def sidebar() -> None:
    """Study, seed and focus sample, the same on every page."""
    found = studies()
    with st.sidebar:
        running_box()
    if not found:
        return
    with st.sidebar:
        names = list(found)
        if len(names) > 1:
            st.selectbox("Study", names, index=names.index(default(found)), key=state.STUDY, bind="query-params")
        try:
            view = current()
            if view is None or not view.complete:
                return
            if len(view.seeds) > 1:
                st.segmented_control(
                    "Training seed",
                    view.seeds,
                    default=view.seeds[0],
                    key=state.SEED,
                    bind="query-params",
                    persist_state="session",
                )
            view = _condition_box(view)
            _focus_box(view)
            if not view.embeddings:
                _believed_box(view)
            if view.bare:
                with st.expander("Came without pictures", icon=":material/hide_image:"):
                    offer_images(view, key="side")
            st.caption(provenance(view))
        except (DamagedFileError, MissingDataError):
            return
    let_draw()


def let_draw() -> None:
    """Let what was made so far leave for the browser, and be drawn, before more is made."""
    time.sleep(PAUSE)


def _condition_box(view: View) -> View:
    """In a study of embeddings, the condition to show; the view of it."""
    if not view.conditions:
        return view
    chosen = st.selectbox(
        "Condition",
        view.conditions,
        index=view.conditions.index(str(view.embeddings["main"])),
        key=state.CONDITION,
        bind="query-params",
        help="What every page compares with the clean images.",
    )
    with st.expander("What these files do not hold", icon=":material/info:"):
        for note in [*view.embeddings.get("notes", []), "No model: nothing can be attacked, trained or audited."]:
            st.caption(note)
    return open_study(view.name, view.path, str(chosen or ""))


def _focus_box(view: View) -> None:
    """The focus sample: its picture, its number, and buttons to change it."""
    ids = view.ids
    st.number_input(
        "Focus sample",
        min(ids),
        max(ids),
        state.first_focus(view),
        step=1,
        key=state.FOCUS,
        bind="query-params",
        on_change=state.snap_focus,
        args=(view, state.focus(view)),
        help="The test image that every page shows. Type its number, click a picture or a point, or use the keys. "
        "A number that this study has no image of goes on to the next that it has.",
    )
    state.drawn(state.FOCUS)
    sample = state.focus(view)
    known = view.true_class(sample) >= 0
    name = view.class_name(view.true_class(sample)) if known else f"image {sample}"
    image = "".join(
        f'<img src="{uri(pixels, 56)}" alt="image {sample}{f", a {escape(name)}" if known else ""}">'
        for pixels in view.clean_picture(sample)
    )
    st.html(
        f'<div class="focus">{image}<div><b>{escape(name)}</b><br>'
        f"{correct_count(view, sample, state.seed(view))}</div></div>"
    )
    with st.container(horizontal=True, gap="xsmall"):
        step = state.step_focus
        among = contested(view, state.seed(view))
        st.button("Back (J)", on_click=step, args=(view, ids, -1), key="focus_back")
        st.button("Next (K)", on_click=step, args=(view, ids, 1), key="focus_next")
        st.button(
            "Next contested (N)",
            on_click=step,
            args=(view, among, 1),
            key="focus_fooled",
            disabled=not among,
            help="The next image on which the attack fools some methods and not others.",
        )
    on_keys(
        {
            "j": lambda times: step(view, ids, -times),
            "k": lambda times: step(view, ids, times),
            "n": lambda times: step(view, among, times),
        },
        key="focus_keys",
        buttons={"j": "focus_back", "k": "focus_next", "n": "focus_fooled"},
    )


def _believed_box(view: View) -> None:
    """Whether the study's accuracies are to be believed, as its audit says."""
    said = kept(believed, view.table("audit")) if view.has("audit") else believed(None)
    if said.word == "OK":
        st.caption(f":material/check_circle: {said.text}.")
        return
    icon, colour = ("error", "red") if said.word == "FAIL" else ("warning", "orange")
    st.markdown(f":{colour}[:material/{icon}: **{said.text}.**]")
    st.page_link("pages_/robustness.py", label="What the audit found", icon=":material/shield:")


def provenance(view: View) -> str:
    """Where the numbers of a study come from, in one line."""
    hardware = view.manifest.get("hardware", {})
    versions = view.manifest.get("versions", {})
    queries = view.manifest.get("data", {}).get("queries", len(view.ids))
    facts = [
        f"Study **{view.name}**" + (" (shipped)" if view.shipped else ""),
        count(queries, "test image"),
        f"in {', '.join(view.conditions)}" if view.conditions else f"seed {', '.join(map(str, view.seeds))}",
        "" if view.conditions else f"{view.norm.capitalize()} eps {view.radius}",
        str(hardware.get("device", "")),
        count(hardware["threads"], "thread") if "threads" in hardware else "",
        f"torch {versions['torch']}" if "torch" in versions else "",
    ]
    return " · ".join(fact for fact in facts if fact)


def body(draw: Callable[[], None]) -> None:
    """Draw a page below its head; its controls run this part alone, unless they change what the frame shows.

    Args:
        draw: The page; a fragment of its own in it calls `follow_frame` first.
    """
    st.session_state[_FRAME] = _frame()

    @st.fragment
    @wraps(draw)
    def drawn() -> None:
        follow_frame()
        draw()

    drawn()


def follow_frame() -> None:
    """Run everything again if what the sidebar shows has changed: study, seed, condition, focus, running studies."""
    if st.session_state.get(_FRAME) != _frame():
        st.rerun()


def _frame() -> tuple[object, ...]:
    return state.shared(), runs().active()


@contextmanager
def page() -> Iterator[View]:
    """The study that a page shows; where something is missing, the page says so instead of failing."""
    view = ready()
    if view is None:
        st.stop()
    try:
        yield view
    except WithoutImagesError as missing:
        st.info(str(missing), icon=":material/hide_image:")
        offer_images(view, key="page")
    except NotInEmbeddingsError as missing:
        st.info(str(missing), icon=":material/info:")
    except MissingDataError as missing:
        st.info(f"{missing} Run `tla study {view.name}` to create it.", icon=":material/hourglass_empty:")
    except DamagedFileError as damaged:
        st.error(str(damaged), icon=":material/broken_image:")


def ready() -> View | None:
    """The study that is shown if it is finished; otherwise None, and the page says why."""
    try:
        view = current()
        if view is not None and view.complete:
            return view
        offer(view)
    except DamagedFileError as damaged:
        st.error(str(damaged), icon=":material/broken_image:")
    return None


def unfinished() -> View | None:
    """The study that is shown, if it is there and not finished."""
    try:
        view = current()
        return None if view is None or view.complete else view
    except DamagedFileError:
        return None


def source(text: str) -> None:
    """Say where the numbers above come from.

    Args:
        text: "this study, n = 500 test images, seed 0" or "live on this machine".
    """
    st.caption(f":material/history_edu: {text}")


def show_code(*lines: str, key: str = "show_code") -> None:
    """The Python that gives the view above, to unfold and copy; once unfolded, it is on every page."""
    with st.expander("Show code", icon=":material/code:", key=key, on_change="rerun") as folded:
        if folded.open:
            st.code("\n".join(lines), language="python")

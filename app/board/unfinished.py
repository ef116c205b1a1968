"""A study that is not finished: how far it is, what a stop keeps, and how it goes on."""

from pathlib import Path

import streamlit as st

from board import state
from board.lab_models import strange
from board.running import read_progress, runs, visitor
from board.studies import View, finished, root, studies

DIGITS = "digits"


def offer(view: View | None = None) -> None:
    """Offer to make the digits study, or to resume this one; show its progress, and what can be looked at meanwhile."""
    folder = root() / DIGITS if view is None else view.path
    started = runs()
    if started.running(folder):
        watch(folder)
    else:
        with st.container(border=True):
            _say_state(view, folder)
            foreign = [] if view is None else strange(view)
            if foreign:
                st.info(
                    f"Resuming would execute {', '.join(map(repr, foreign))}, which this study names. If you trust it, "
                    "use the command below, or start the dashboard with `tla app --given NAME=MODEL`.",
                    icon=":material/info:",
                )
            busy = started.refusal(folder, visitor())
            st.button(
                f"Make the {DIGITS} study" if view is None else "Resume",
                type="primary",
                icon=":material/play_arrow:",
                on_click=started.start,
                args=(_recipe(view), folder, visitor()),
                disabled=bool(foreign or busy),
            )
            if busy:
                st.caption(f":material/info: {busy}")
            st.caption("The same in a terminal:")
            st.code(f"tla study {_recipe(view)} --out {folder}", language="bash")
    if view is not None:
        _others(view)


def _say_state(view: View | None, folder: Path) -> None:
    """What there is of the study, and how its last run ended."""
    if view is None:
        st.subheader("There is no study yet", anchor=False)
        st.write(
            "A study trains six methods on one data set, attacks each of them, and measures their "
            "representations. The digits study needs no download and takes a few minutes on two CPU cores."
        )
    else:
        st.subheader(f"The study “{view.name}” is not finished", anchor=False)
        reached = read_progress(folder)
        if reached is not None:
            what = reached.message.partition(": ")[0] if reached.state == "failed" else reached.message
            st.progress(min(1.0, max(0.0, reached.done)), text=f"{reached.done:.0%} · {what}")
        if folder not in runs().kept:
            st.write("Finished steps are kept; it resumes after the last one.")
    say_last(folder, "Resume")


def _others(view: View) -> None:
    """Finished studies that can be looked at meanwhile."""
    others = [name for name, path in studies().items() if name != view.name and finished(name, path)]
    if not others:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Finished studies:", width="content")
        for name in others:
            st.button(name, on_click=state.show_study, args=(name,), key=f"open_{name}", icon=":material/folder_open:")


def _recipe(view: View | None) -> str:
    """The argument of `tla study`: the study's own configuration once it has been started."""
    if view is None:
        return DIGITS
    own = view.store.place("study.toml")
    return str(own) if own.exists() else view.name


def say_last(folder: Path, button: str = "Start") -> None:
    """How the last run in a folder ended: what went wrong, or what a stop has kept.

    Args:
        folder: The study folder.
        button: Label of the button that goes on.
    """
    started = runs()
    last = started.progress(folder)
    if last is not None and last.state == "failed":
        st.error(last.message, icon=":material/error:")
    if folder in started.kept:
        st.info(f"Stopped. Kept: {started.kept[folder]}. {button} goes on from there.", icon=":material/stop:")


@st.fragment(run_every=1.0)
def watch(folder: Path) -> None:
    """The progress of a study that was started here."""
    started = runs()
    progress = started.progress(folder)
    if progress is None or progress.state in ("done", "failed") or not started.running(folder):
        return st.rerun()
    with st.container(border=True):
        st.subheader(f"The study “{folder.name}” is running", anchor=False)
        st.progress(progress.done, text=f"{progress.reached} · {progress.message}")
        if started.may_stop(folder, visitor()):
            args = (folder, visitor())
            st.button("Stop", icon=":material/stop:", on_click=started.stop, args=args, key=f"stop_{folder}")
            st.caption(f"Stop keeps {started.would_keep(folder)}; the next start goes on from there.")
        st.caption("It runs on while you use other pages, and ends with this dashboard.")
    return None


def running_box() -> None:
    """In the sidebar: how far the studies are that run here; nothing if none does."""
    if runs().active():
        _box()


@st.fragment(run_every=2.0)
def _box() -> None:
    started = runs()
    active = started.active()
    if not active:
        st.rerun()
    for folder in active:
        progress = started.progress(folder)
        if progress is not None:
            st.progress(progress.done, text=f"{folder.name}: {progress.reached}")

"""What the study contains, what it was run on, and how to start another."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from board import shell
from board.charts import chart
from board.pages import PageInfo
from board.studies import View

PAGE = PageInfo(
    title="Data & runs",
    icon="database",
    section="Do",
    order=23,
    lead="What this study contains, where it comes from, and how to make another.",
)

FILES = "Files of the study with their sizes and SHA-256"


def main() -> None:
    """The page."""
    view = shell.ready()
    if view is not None:
        with shell.page():
            summary(view)
            if view.has("history"):
                alt = "Accuracy and loss of each method against the epoch"
                chart("learning_curves", view.table("history"), view=view, key="history", alt=alt)
            contents(view)
    half = None if view is not None else shell.unfinished()
    if half is not None:
        contents(half)
    from board.new_study import new_study  # it needs torch, which must not keep what is above waiting
    from board.own_study import own_study

    new_study(shown=half and half.path)
    own_study()
    commands()


def commands() -> None:
    """What else the command line starts."""
    with st.expander("From a terminal", icon=":material/terminal:", key="unfold_terminal", on_change="rerun") as folded:
        if not folded.open:
            return
        st.code(
            "tla study folder:PATH        # your own images: a folder for each class\n"
            "tla study folder:PATH --given mine=mypkg.models:Net    # your own model\n"
            "tla study embeddings:PATH    # your own embeddings, clean and in any other condition\n"
            "tla study my.toml            # your own recipe",
            language="bash",
        )


def summary(view: View) -> None:
    """The study in a few numbers."""
    data = view.manifest.get("data", {})
    minutes = float(np.nansum(steps(view.manifest)["seconds"].to_numpy(float))) / 60
    numbers = {
        "Data set": f"{data.get('name', '?')}",
        "Training images": f"{data.get('train', '?')}",
        "Test images" if view.embeddings else "Attacked images": f"{data.get('queries', len(view.ids))}",
        "Models": f"{(len(view.methods) - len(view.given)) * len(view.seeds) + len(view.given)}",
        "Compute": f"{minutes:.1f} min",
    }
    with st.container(horizontal=True):
        for label, value in numbers.items():
            st.metric(label, value, border=True, width="content")
    if view.start:
        st.markdown(started_from(view))
    shell.source(shell.provenance(view).replace("**", ""))


def started_from(view: View) -> str:
    """What every method trained further, in words."""
    start = view.start
    said = [f"Every method trained **{start['name']}** further: `{start['load']}`, weights {start['fingerprint']}."]
    said += [f"{remark[:1].upper()}{remark[1:]}." for remark in start.get("remarks", [])]
    return " ".join(said)


def contents(view: View) -> None:
    """Steps, files with their hashes, versions, and the study's configuration."""
    parts = {
        "Steps": lambda: st.dataframe(
            steps(view.manifest), hide_index=True, key="steps", alt="Finished steps of the study"
        ),
        "Files": lambda: st.dataframe(files(view.store.path, view.manifest), hide_index=True, key="files", alt=FILES),
        "Versions": lambda: st.json({key: view.manifest.get(key, {}) for key in ("versions", "hardware", "data")}),
        "study.toml": lambda: recipe(view),
    }
    for tab, show in zip(st.tabs([*parts], key="contents", on_change="rerun"), parts.values(), strict=True):
        with tab:
            if tab.open:
                show()


def recipe(view: View) -> None:
    """The study's configuration as it was given."""
    toml = view.store.place("study.toml")
    st.code(toml.read_text(encoding="utf-8") if toml.exists() else "# this study has no study.toml", language="toml")


def steps(manifest: dict[str, Any]) -> pd.DataFrame:
    """A row per finished step of a study: name, seconds, files, rows, megabytes; of a packed one name and seconds."""
    rows = [
        {
            "step": name,
            "seconds": entry.get("facts", {}).get("seconds"),
            "files": len(entry["files"]),
            "rows": sum(file["rows"] or 0 for file in entry["files"].values()),
            "MB": round(sum(file["bytes"] for file in entry["files"].values()) / 1e6, 2),
        }
        for name, entry in manifest["steps"].items()
    ]
    if manifest.get("packed"):
        return pd.DataFrame(rows, columns=["step", "seconds"]).dropna(ignore_index=True)
    return pd.DataFrame(rows, columns=["step", "seconds", "files", "rows", "MB"])


def files(folder: Path, manifest: dict[str, Any]) -> pd.DataFrame:
    """A row per file of a study that is there, with its size, and rows and SHA-256 where a step has noted them."""
    noted = {file: entry for step in manifest["steps"].values() for file, entry in step["files"].items()}
    here = {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    shown = [file for file in sorted(here) if not file.rpartition("/")[2].startswith(".")]
    facts = [{name: noted.get(file, {}).get(name) for name in ("rows", "sha256")} for file in shown]
    rows = [{"file": file, "kB": round(here[file] / 1000, 1)} | fact for file, fact in zip(shown, facts, strict=True)]
    return pd.DataFrame(rows, columns=["file", "kB", "rows", "sha256"])


main()

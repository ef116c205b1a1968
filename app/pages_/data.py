"""What the study contains, what it was run on, and how to start another."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from board import shell
from board.charts import chart
from board.own_study import own_study
from board.pages import PageInfo
from board.running import runs, visitor
from board.studies import View, root

from tla.study.recipes import shipped

PAGE = PageInfo(
    title="Data & runs",
    icon="database",
    section="Do",
    order=23,
    lead="What this study contains, where it comes from, and how to make another.",
)


def main() -> None:
    """The page."""
    with shell.page() as view:
        summary(view)
        if view.has("history"):
            alt = "Accuracy and loss of each method against the epoch"
            chart("learning_curves", view.table("history"), view=view, key="history", alt=alt)
        contents(view)
    start_another()
    own_study()


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
    for column, (label, value) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(label, value, border=True)
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
    tabs = st.tabs(["Steps", "Files", "Versions", "study.toml"])
    with tabs[0]:
        st.dataframe(steps(view.manifest), hide_index=True, key="steps", alt="Finished steps of the study")
    with tabs[1]:
        st.dataframe(files(view.manifest), hide_index=True, key="files", alt="Files of the study with SHA-256")
    with tabs[2]:
        st.json({key: view.manifest.get(key, {}) for key in ("versions", "hardware", "data")})
    with tabs[3]:
        toml = view.store.place("study.toml")
        st.code(
            toml.read_text(encoding="utf-8") if toml.exists() else "# this study has no study.toml", language="toml"
        )


def start_another() -> None:
    """Start a study from a recipe, and follow those that are running."""
    st.subheader("Run a study", anchor=False)
    started = runs()
    for folder in [folder for folder in started.processes if started.running(folder)]:
        st.markdown(f"**{folder.name}**")
        shell.watch(folder)
    recipes = list(shipped())
    left, right = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    recipe = left.selectbox(
        "Recipe",
        recipes,
        index=recipes.index(shell.DIGITS) if shell.DIGITS in recipes else 0,
        key="recipe",
        help="Recipes other than digits need their data set, in the folder TLA_DATA or as a download.",
    )
    folder = root() / str(recipe)
    right.button(
        "Start",
        type="primary",
        icon=":material/play_arrow:",
        on_click=started.start,
        args=(recipe, folder, visitor()),
        disabled=started.running(folder) or started.of(visitor()) is not None,
        help="One study at a time for each visitor.",
        key="start_recipe",
    )
    last = started.progress(folder)
    if last is not None and last.state == "failed":
        st.error(last.message, icon=":material/error:")
    st.code(
        f"tla study {recipe} --out {folder}\n"
        "tla study folder:PATH        # your own images: a folder for each class\n"
        "tla study folder:PATH --given mine=mypkg.models:Net    # your own model\n"
        "tla study embeddings:PATH    # your own embeddings, clean and in any other condition\n"
        "tla study my.toml            # your own recipe",
        language="bash",
    )


def steps(manifest: dict[str, Any]) -> pd.DataFrame:
    """A row per finished step of a study: name, seconds, files, rows, megabytes."""
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
    return pd.DataFrame(rows, columns=["step", "seconds", "files", "rows", "MB"])


def files(manifest: dict[str, Any]) -> pd.DataFrame:
    """A row per file of a study, with its SHA-256."""
    rows = [
        {"file": file} | {column: entry[column] for column in ("rows", "bytes", "sha256")}
        for step in manifest["steps"].values()
        for file, entry in step["files"].items()
    ]
    return pd.DataFrame(rows, columns=["file", "rows", "bytes", "sha256"])


main()

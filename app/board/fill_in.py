"""The images of a study that came without: an offer to fill them in from the data set."""

from pathlib import Path

import streamlit as st

from board import state
from board.studies import View, root
from tla.pace import StageProgress
from tla.study.bare import fill


def offer_images(view: View, key: str) -> None:
    """Say why there are no pictures, and fill them in.

    Args:
        view: A study that came without images.
        key: Of the place on the page.
    """
    source = str(view.plan["source"]["name"])
    st.caption(
        "This study was passed on without its images; it holds their ids, and what the attacks changed in them. "
        f"The pictures come back from {source}: a download, or the folder that TLA_DATA names. "
        "The gallery is then embedded again, which may take a minute or two."
    )
    data = st.text_input(
        "Images",
        "",
        key=f"fill_data_{key}",
        placeholder=source,
        help="Where the images are, if they are not found by their name: folder:/path, npz:/file.",
    )
    folder = destination(view)
    if st.button("Fill in the pictures", icon=":material/add_photo_alternate:", type="primary", key=f"fill_{key}"):
        _fill_in(view, folder, data.strip() or None)
    st.caption("The same in a terminal:")
    st.code(
        f"tla fill {view.path.name} {folder}" + (f" --data {data.strip()}" if data.strip() else ""), language="bash"
    )


def destination(view: View) -> Path:
    """Where the study goes with its images: your own one takes the place of the shipped one, if there is none yet."""
    own = root() / view.path.name
    free = own == view.path or not own.exists()
    return own if free else own.with_name(f"{own.name}-with-images")


def _fill_in(view: View, folder: Path, data: str | None) -> None:
    """Fill in the images, say how far it is, and open the study."""
    with st.status("Reading the data set", expanded=False) as status:

        def say(progress: StageProgress) -> None:
            status.update(label=progress.text.capitalize())

        try:
            fill(view.store, folder, data=data, progress=say)
        except (ValueError, OSError) as error:
            status.update(label="Not filled in", state="error")
            st.error(str(error), icon=":material/error:")
            return
        status.update(label=f"Filled in: {folder}", state="complete")
    if folder.name == view.name:
        st.rerun()
    st.button(f"Open {folder.name}", on_click=state.show_study, args=(folder.name,), icon=":material/folder_open:")

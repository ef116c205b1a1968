"""The triplet loss to touch: drag the anchor, the positive and the negatives."""

import streamlit as st
from board import shell
from board.triplet import judged, triplet

WORDS = r"""
An attack moves the embedding of an image into another class. TLA takes the attacked image as the **anchor** and asks
that it be nearer to a **positive**, another image of its class, than to a **negative** of another class, by the margin
$\alpha$: the loss is $[D(a, p) - D(a, n) + \alpha]_+$. Shaded is where the anchor would have a loss. With the cosine
only directions count, so the shade has the form of rays. The nearest negative (TLA) is the one that an attack reaches
first; one at random (TLA-RN) is often so far away that there is no loss.
"""


def main() -> None:
    """The page; it needs no study."""
    st.markdown(WORDS)
    now = triplet()
    found = judged(now)
    shell.source(
        f"live in your browser; `tla.losses` says of the same points: loss {found.loss:.4f} "
        f"with negative {found.place + 1} of {len(now.negatives)}"
    )
    points = ", ".join(f"({x:g}, {y:g})" for x, y in (now.anchor, now.positive, now.negatives[found.place]))
    shell.show_code(
        "import torch",
        "",
        "import tla",
        "from tla.losses import Triplets, Views",
        "",
        f"embeddings = torch.tensor([{points}])",
        "rows = Triplets(*(torch.tensor([k]) for k in range(3)), valid=torch.tensor([True]))",
        f'triplet = tla.LOSSES.build("triplet", alpha={now.alpha:g}, rho=0.0, distance="{now.distance}")',
        "triplet(Views(y=torch.tensor([0]), embeddings=embeddings, triplets=rows)).loss",
    )


main()

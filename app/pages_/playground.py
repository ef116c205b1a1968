"""The triplet loss to touch: drag anchor, positive and negatives; then train a small network with it."""

from functools import partial

import streamlit as st
from board import shell
from board.colours import theme
from board.live_training import EPS, SHOWN, Asked, lesson, show
from board.pages import PageInfo
from board.triplet import judged, triplet

from tla.plots import Look

PAGE = PageInfo(
    title="Triplet playground",
    menu="Playground",
    icon="change_history",
    section="Do",
    order=21,
    needs_study=False,
    lead="What does the triplet loss ask of an anchor, a positive and the negatives? Drag them.",
)

WORDS = r"""
An attack moves the embedding of an image into another class. TLA takes the attacked image as the **anchor** and asks
that it be nearer to a **positive**, another image of its class, than to a **negative** of another class, by the margin
$\alpha$: the loss is $[D(a, p) - D(a, n) + \alpha]_+$. Shaded is where the anchor would have a loss. With the cosine
only directions count, so the shade has the form of rays. The nearest negative (TLA) is the one that an attack reaches
first; one at random (TLA-RN) is often so far away that there is no loss.
"""


MINING = {"batch": "nearest in batch", "fresh": "nearest of 50 fresh", "bank": "nearest in bank"}
LESSON = f"""
The same network from the same beginning, once by adversarial training and once with the triplet loss added, on the
1,297 training digits (Linf eps {EPS:g}, PGD-5): some seconds for each. Every epoch is drawn through the same window,
the two principal directions of the last epoch's embeddings at length 1. These are two of 32 dimensions: believe the
numbers below a map before the gaps within. One short training each: it shows how, not which is better.
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
    st.subheader("Train with it", anchor=False)
    st.markdown(LESSON)
    train()


@st.fragment
def train() -> None:
    """Settings, a button, and two trainings side by side."""
    usual, bind = Asked(), "query-params"
    left, middle, right, last = st.columns(4)
    alpha = left.slider("Margin", 0.0, 0.5, usual.alpha, 0.01, key="lesson_alpha", bind=bind)
    weight = middle.slider("Triplet weight", 0.0, 8.0, usual.weight, 0.5, key="lesson_weight", bind=bind)
    mining = right.selectbox("Negative", list(MINING), format_func=MINING.__getitem__, key="lesson_mining", bind=bind)
    epochs = last.slider("Epochs", 2, 30, usual.epochs, key="lesson_epochs", bind=bind)
    asked = Asked(alpha, weight, mining, epochs)
    if st.button("Train AT and TLA", type="primary", icon=":material/model_training:"):
        st.session_state["lesson"] = asked
    if st.session_state.get("lesson") != asked:
        return
    bar = st.progress(0.0, text="training …")

    def tell(method: str, done: float) -> None:
        bar.progress((("at", "tla").index(method) + min(done, 1.0)) / 2, text=f"training {shell.label(method)} …")

    lessons = {method: lesson(method, asked, partial(tell, method)) for method in ("at", "tla")}
    bar.empty()
    show(lessons, list("0123456789"), Look(theme=theme()), key="lesson_maps")
    seconds = ", ".join(f"{shell.label(method)} {one.seconds:.1f} s" for method, one in lessons.items())
    shell.source(f"live now on this machine (training {seconds}); {SHOWN} test images, PGD-10, seed 0")
    shell.show_code(
        "from pathlib import Path",
        "",
        "import tla",
        "from tla.models.small_cnn import SmallCNN",
        "from tla.training import TrainConfig, train",
        "",
        f"config = TrainConfig(epochs={epochs}, batch=64, eps={EPS:g}, learning_rate=3e-3, holdout=0, select=False,",
        '                     attack=tla.PGD(steps=5), judge=tla.PGD(steps=5), precision="fp32")',
        f'method = tla.METHODS.build("tla", alpha={alpha:g}, lambda_triplet={weight:g}, mining="{mining}")',
        'images = tla.SOURCES.build("digits").load().train',
        'train(SmallCNN(width=16, embedding=32), images, method, config, seed=0, folder=Path("playground"))',
    )


main()

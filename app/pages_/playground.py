"""The triplet loss by hand: drag anchor, positive and negatives, then train a small network with it."""

from functools import partial

import streamlit as st
from board import shell
from board.colours import theme
from board.live_training import EPS, TEST_IMAGES, LiveSettings, show, train_cached
from board.pages import PageInfo
from board.snippets import call, literal
from board.triplet import LibraryLoss, TripletState, library_loss, triplet

from tla.pace import Pace, in_words
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

TRIPLET = r"""
An attack moves the embedding of an image into another class. TLA takes the attacked image as the **anchor** and
requires it to be nearer to a **positive**, another image of its class, than to a **negative**, an image of another
class, by the margin $\alpha$: the loss is $[D(a, p) - D(a, n) + \alpha]_+$. The shading shows where the anchor would
have a loss. The cosine depends only on directions, so the shading is made of rays. The nearest negative (TLA) is the
one that an attack reaches first; a random negative (TLA-RN) is often so far away that the loss is zero.
"""
TRAINING = f"""
The same network from the same initial weights, trained once by adversarial training and once with the triplet loss
added, on the 1,297 training digits (Linf eps {EPS:g}, PGD-5). This takes a few seconds each. All epochs are shown on
the same axes: the first two principal components of the last epoch's unit-length embeddings. These are 2 of 32
dimensions, so trust the numbers below a map more than the gaps in it. One short run each shows how the training works,
not which method is better.
"""
MINING = {"batch": "nearest in batch", "fresh": "nearest of 50 fresh", "bank": "nearest in bank"}


def main() -> None:
    """The page; it needs no study."""
    st.markdown(TRIPLET)
    drawn = triplet()
    found = library_loss(drawn)
    shell.source(
        f"live in your browser; `tla.losses` gives for the same points: loss {found.loss:.4f} "
        f"with negative {found.negative + 1} of {len(drawn.negatives)}"
    )
    shell.show_code(*loss_code(drawn, found))
    st.subheader("Train with it", anchor=False)
    st.markdown(TRAINING)
    train()


@st.fragment
def train() -> None:
    """Settings, a button, and two trainings side by side."""
    initial, bind = LiveSettings(), "query-params"
    left, middle, right, last = st.columns([3, 3, 4, 3])
    alpha = left.slider("Margin", 0.0, 0.5, initial.alpha, 0.01, key="lesson_alpha", bind=bind)
    weight = middle.slider("Triplet weight", 0.0, 8.0, initial.weight, 0.5, key="lesson_weight", bind=bind)
    mining = right.selectbox("Negative", list(MINING), format_func=MINING.__getitem__, key="lesson_mining", bind=bind)
    epochs = last.slider("Epochs", 2, 30, initial.epochs, key="lesson_epochs", bind=bind)
    settings = LiveSettings(alpha, weight, mining, epochs)
    if st.button("Train AT and TLA", type="primary", icon=":material/model_training:"):
        st.session_state["lesson"] = settings
    if st.session_state.get("lesson") != settings:
        return
    bar, pace = st.progress(0.0, text="training …"), Pace()

    def progress(method: str, done: float) -> None:
        share = (("at", "tla").index(method) + min(done, 1.0)) / 2
        pace.report(share)
        left = "" if pace.left is None else f" {in_words(pace.left)} left"
        bar.progress(share, text=f"training {shell.label(method)} …{left}")

    trainings = {method: train_cached(method, settings, partial(progress, method)) for method in ("at", "tla")}
    bar.empty()
    show(trainings, list("0123456789"), Look(theme=theme()), key="lesson_maps")
    seconds = ", ".join(f"{shell.label(method)} {one.seconds:.1f} s" for method, one in trainings.items())
    shell.source(f"live on this machine (training {seconds}); {TEST_IMAGES} test images, PGD-10, seed 0")
    shell.show_code(*training_code(settings), key="show_training_code")


def loss_code(drawn: TripletState, found: LibraryLoss) -> list[str]:
    """Python that computes the loss of the points."""
    points = ", ".join(f"({x:g}, {y:g})" for x, y in (drawn.anchor, drawn.positive, drawn.negatives[found.negative]))
    return [
        "import torch",
        "",
        "import tla",
        "from tla.losses import Triplets, Views",
        "",
        f"embeddings = torch.tensor([{points}])",
        "rows = Triplets(*(torch.tensor([k]) for k in range(3)), valid=torch.tensor([True]))",
        *call("triplet = tla.LOSSES.build", '"triplet"', alpha=drawn.alpha, rho=0.0, distance=drawn.distance),
        "triplet(Views(y=torch.tensor([0]), embeddings=embeddings, triplets=rows)).loss",
    ]


def training_code(settings: LiveSettings) -> list[str]:
    """Python that trains TLA as the page does."""
    options = {"alpha": settings.alpha, "lambda_triplet": settings.weight, "mining": settings.mining}
    return [
        "from pathlib import Path",
        "",
        "import tla",
        "from tla.models.small_cnn import SmallCNN",
        "from tla.training import TrainConfig, train",
        "",
        f"config = TrainConfig(epochs={settings.epochs}, batch=64, eps={literal(EPS)}, learning_rate=3e-3,",
        '                     holdout=0, select=False, precision="fp32",',
        "                     attack=tla.PGD(steps=5), judge=tla.PGD(steps=5))",
        *call("method = tla.METHODS.build", '"tla"', **options),
        'images = tla.SOURCES.build("digits").load().train',
        'train(SmallCNN(width=16, embedding=32), images, method, config, seed=0, folder=Path("playground"))',
    ]


main()

"""Nearest training images of the clean and the adversarial query, for each method."""

import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import methods_choice
from board.keys import on_keys
from board.neighbour_strip import chosen_k, neighbour_slider
from board.pages import PageInfo
from board.selection.neighbours import mostly_wrong
from board.selection.shared import of_run, pictures
from board.snippets import literal
from board.studies import View
from board.words import count

from tla.plots.ranking_attacks import KINDS

PAGE = PageInfo(
    title="Neighbours",
    icon="grid_view",
    section="Look",
    order=12,
    lead="Which images are nearest, in the full embedding, before and after the attack?",
)


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed, sample = state.seed(view), state.focus(view)
        methods = methods_choice(view, "neighbour_methods", most=3)
        nearest(view, methods, seed, sample)
        if known(view):
            all_queries(view, methods, seed)
        else:
            st.info("Whether neighbours are of the right class needs classes: add y_test.npy.", icon=":material/info:")
        rankings(view, methods, seed)


@st.fragment
def nearest(view: View, methods: list[str], seed: int, sample: int) -> None:
    """The k nearest of one query; its controls rerun this fragment only, unless they moved the focus."""
    shell.follow_frame()
    k = chosen_k(view, "k")
    failing = mostly_wrong(view, seed, methods, k) if known(view) else []
    st.button(
        "Next failing query (F)",
        on_click=state.step_focus,
        args=(view, failing),
        disabled=not failing,
        key="failing",
        icon=":material/skip_next:",
        help=view.said(
            "The next image whose neighbours under attack are mostly of other classes, for one of these methods."
        ),
    )
    step = {"f": lambda times: state.step_focus(view, failing, times)}
    on_keys(step, key="failing_keys", buttons={"f": "failing"})
    neighbour_slider(view, methods, sample, seed, key="k")
    shell.show_code(
        "from tla.study import locate",
        "",
        f'neighbours = locate({literal(view.known_as)}).table("neighbours")',
        f'rows = neighbours.query("id == {sample} and seed == {seed} and rank <= {k} and method in {methods}")',
        *([f'rows = rows[rows.attack.isin(["clean", {literal(view.condition)}])]'] if view.condition else []),
        'rows.pivot(index=["method", "kind"], columns="rank", values="neighbour_y")',
    )


def known(view: View) -> bool:
    """True if the classes of the images are known; they may be missing in a study of embeddings."""
    return bool(view.embeddings.get("classes", True))


def all_queries(view: View, methods: list[str], seed: int) -> None:
    """The same over all queries: one image proves nothing."""
    st.subheader("Over all queries", anchor=False)
    chart(
        "purity_curves",
        of_run(view.table("neighbours"), seed, methods),
        view=view,
        key="purity",
        alt="Share of neighbours of the true class against k, for clean and adversarial queries of each method",
    )
    among = "the other clean test images" if view.shared else "clean training images"
    shell.source(
        f"this study: {count(len(view.ids), 'test image')}, seed {seed}; neighbours among {among} by cosine distance, "
        "exact search"
    )


def rankings(view: View, methods: list[str], seed: int) -> None:
    """Attacks on the ranking: one item raised or lowered, by changing the item or the query."""
    st.subheader("When the ranking is attacked", anchor=False)
    if not view.has("ranking"):
        st.info("This study was made without attacks on its rankings.", icon=":material/info:")
        return
    chart(
        "ranking_attacks",
        of_run(view.table("ranking"), seed, methods),
        view=view,
        key="ranking",
        alt="Mean place of the attacked item in the query's list against eps, for each attack and method",
        methods=methods,
        seed=seed,
    )
    lists = of_run(view.table("ranking_lists"), seed, methods)
    left, right = st.columns(2, gap="medium")
    kind = left.segmented_control("Attack", list(KINDS), default="QA+", key="ranking_kind", bind="query-params")
    queries = sorted(int(i) for i in lists["id"].unique())
    query = right.selectbox("Query", queries, key="ranking_query", bind="query-params")
    chart(
        "ranking_rows",
        lists,
        view=view,
        key="ranking_rows",
        alt="The first items of one query's list before and after the attack, for each method",
        pictures=pictures(view),
        kind=kind or "QA+",
        query=query,
        methods=methods,
        seed=seed,
    )
    asked = len(set(view.table("ranking")["id"]))
    shell.source(f"this study: {count(asked, 'query')}, seed {seed}; pictures without noise")


shell.body(main)

"""What one setting of a method does: sweeps, your own and those that ship."""

from html import unescape

import streamlit as st
from board import shell
from board.charts import chart
from board.pages import PageInfo
from board.snippets import figure_code
from board.studies import View, open_study, sweeps

from tla.plots.ablation import setting_name
from tla.plots.drawing.theme import attack_label

PAGE = PageInfo(
    title="Ablations",
    icon="tune",
    section="Look",
    order=16,
    lead="What does one setting do: the pool of negatives, the margin, the weight of the triplet term?",
)

COMMANDS = (
    "tla sweep digits method.tla.pool 1 50 250 --method.tla.mining fresh --beside at --seeds 0 1 2\n"
    "tla sweep digits method.tla.lambda_triplet 0 0.5 1 2 --seeds 0 1 2\n"
    "tla sweep digits method.tla.alpha 0.03 0.1 0.3 --seeds 0 1 2"
)


def main() -> None:
    """The page."""
    with shell.page():
        found = sweeps()
        if not found:
            st.info("There is no sweep yet. Each of these commands runs one:", icon=":material/info:")
            st.code(COMMANDS, language="bash")
            return
        name = st.selectbox("Sweep", list(found), key="sweep", bind="query-params") or next(iter(found))
        show(open_study(name, found[name]))


def show(view: View) -> None:
    """One sweep: its figure, where it comes from, and the commands for others."""
    table = view.table("ablation")
    names = [str(attack) for attack in table["attack"].unique()]
    single = [attack for attack in names if attack not in ("clean", "worst")] or names
    picked = st.pills(
        "Attacks",
        names,
        default=single,
        selection_mode="multi",
        format_func=lambda attack: unescape(attack_label(attack)),
        key="sweep_attacks",
        bind="query-params",
    )
    attacks = tuple(attack for attack in names if attack in picked) or tuple(single)
    setting = str(table["parameter"].iloc[0])
    chart(
        "ablation",
        table,
        view=view,
        key="ablation",
        alt=f"Accuracy under {', '.join(map(attack_label, attacks))} for each value of {setting_name(setting)}",
        attacks=attacks,
    )
    n, seeds = table["n"].to_numpy(int).max(), sorted(set(table["seed"].to_numpy(int).tolist()))
    shell.source(f"the sweep {view.name}: {setting}, n = {n} test images, seeds {', '.join(map(str, seeds))}")
    shell.show_code(*figure_code(view, "ablation", attacks=attacks))
    with st.expander("Run another sweep", icon=":material/tune:"):
        st.code(COMMANDS, language="bash")


shell.body(main)

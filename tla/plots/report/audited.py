"""The audit's verdicts: is this evaluation believable?"""

from html import escape

from tla.plots.audit_verdicts import audit_verdicts
from tla.plots.report.embed import embedded
from tla.plots.report.markup import section, table
from tla.plots.report.material import Material

TITLE = "Is this evaluation believable?"
WORDS = ("evidence", "what to do", "images")
SIGNS = {"OK": "&#10003; OK", "WARN": "! WARN", "FAIL": "&#10005; FAIL", "NOT RUN": "&#8211; NOT RUN"}


def audited(material: Material) -> str:
    """The matrix of verdicts, and what to do about every warning and failure."""
    audit = material.table("audit")
    if audit is None:
        text = (
            "The audit was not run on this study, so nothing here says whether its attacks were strong enough. "
            f"Run it: <code>tla audit {escape(material.name)}</code>."
        )
        return f'<section id="audit"><h2>{TITLE}</h2><p class="absent">{text}</p></section>'
    lead = (
        "Known pitfalls of robustness evaluation, each checked: OK, WARN, FAIL or NOT RUN, with the evidence. A check "
        "that was not run says nothing."
    )
    body = []
    for row in audit[audit["verdict"].isin(["FAIL", "WARN"])].sort_values(["verdict", "number"]).itertuples():
        ids = [] if row.ids is None else [int(i) for i in row.ids]
        shown = ", ".join(str(i) for i in ids[:8]) + (f" and {len(ids) - 8} more" if len(ids) > 8 else "")
        name = f"{row.number}. {escape(str(row.check))}"
        verdict = f'<td class="{str(row.verdict).lower()}">{SIGNS[str(row.verdict)]}</td>'
        words = [f'<td class="words">{escape(str(text or ""))}</td>' for text in (row.evidence, row.advice, shown)]
        body.append([f"<b>{name}</b>", material.label(str(row.method)), verdict, *words])
    parts = [embedded("audit", lambda view: audit_verdicts(audit, look=view), material.look)]
    if body:
        source = "This study: every warning and failure; ids are positions in the test split."
        parts.append(
            table(
                ["check", "model", "verdict", *(f'<span class="words">{word}</span>' for word in WORDS)], body, source
            )
        )
    else:
        parts.append('<p class="absent">No check warns or fails.</p>')
    return section("audit", TITLE, lead, *parts)

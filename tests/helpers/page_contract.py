"""What every page of the dashboard must do; a new page is checked by `check_page` alone."""

import ast
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from board.pages import EXTRA, FOLDER, PageInfo, read_page
from dashboard import example_folder, open_page, page_file, use_studies


def check_page(page: str | Path) -> None:
    """Run a page on a whole study, on none and on an unfinished one.

    Args:
        page: Name of a page of the dashboard ("shift"), or the file of one in any other folder.
    """
    info = read_page(page_file(page))
    check_head(info)
    for check in (check_on_a_study, check_without_a_study, check_on_half_a_study):
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as empty:
            if page_file(page).parent != FOLDER:
                patch.setenv(EXTRA, str(page_file(page).parent))
            check(patch, page, info, Path(empty))


def check_head(info: PageInfo) -> None:
    """A title, an icon, and a lead of one or two sentences."""
    assert info.title.strip()
    assert info.icon.isidentifier(), f"icon must be the name of a Material symbol, got {info.icon!r}"
    assert 20 < len(info.lead) < 140, f"the lead must be one or two short sentences, got {info.lead!r}"
    assert info.lead[-1] in ".?!", f"the lead must end as a sentence does, got {info.lead!r}"


def check_on_a_study(patch: pytest.MonkeyPatch, page: str | Path, info: PageInfo, empty: Path) -> None:
    """It shows its head and content without an error; charts are described, and the code that it shows runs."""
    use_studies(patch, example_folder(), empty)
    app = run(page, info)
    assert not app.error, app.error[0].value
    for key, chart in charts(app).items():
        assert len(chart["alt"]) > 20, f"the chart {key!r} needs a description (alt) for those who cannot see it"
    for text in snippets(app):
        run_snippet(text)


def check_without_a_study(patch: pytest.MonkeyPatch, page: str | Path, info: PageInfo, empty: Path) -> None:
    """It offers to make a study, or does without."""
    use_studies(patch, empty)
    app = run(page, info)
    if info.needs_study:
        assert app.subheader[0].value == "There is no study yet"
        assert any(code.value.startswith("tla study digits") for code in app.code)
    else:
        assert not any(head.value == "There is no study yet" for head in app.subheader)


def check_on_half_a_study(patch: pytest.MonkeyPatch, page: str | Path, info: PageInfo, empty: Path) -> None:
    """It offers to resume the study, or does without."""
    use_studies(patch, example_folder(complete=False), empty)
    app = run(page, info)
    if info.needs_study:
        assert "is not finished" in app.subheader[0].value


def run(page: str | Path, info: PageInfo) -> Any:
    """The page after a run that raised nothing, under its own head."""
    app = open_page(page)
    assert not app.exception, app.exception[0].message
    assert app.title[0].value == info.title
    assert info.lead in app.markdown[0].value
    return app


def charts(app: Any) -> dict[str, dict[str, Any]]:
    """The specification of every chart and its description ("alt"), by key."""
    protos = [element.proto for element in app.get("plotly_chart")]
    return {proto.id.rpartition("-")[2]: json.loads(proto.spec) | {"alt": proto.alt} for proto in protos}


def snippets(app: Any) -> list[str]:
    """All Python that a page shows."""
    return [code.value for code in app.code if code.language == "python"]


def run_snippet(text: str) -> dict[str, Any]:
    """Run Python that a page shows, as it stands, in an empty folder.

    Returns:
        Its variables, and the value of its last line as "_" if that is an expression.
    """
    space: dict[str, Any] = {"__name__": "__main__"}
    lines = ast.parse(text)
    last = lines.body.pop() if isinstance(lines.body[-1], ast.Expr) else None
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(compile(lines, "snippet", "exec"), space)
        if isinstance(last, ast.Expr):
            space["_"] = eval(compile(ast.Expression(last.value), "snippet", "eval"), space)
    return space

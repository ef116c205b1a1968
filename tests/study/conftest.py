"""Reports are drawn where a test looks at one: drawing one takes longer than a small study."""

import pytest

from tla.study import report
from tla.study.workspace import StepResult


@pytest.fixture(autouse=True)
def _undrawn(request, monkeypatch):
    """The studies of a test that is not marked `drawn` end in a report of one line; those of a module are drawn."""
    if request.node.get_closest_marker("drawn"):
        return

    def one_line(workspace, _):
        path = workspace.store.place("report.html")
        path.write_text("not drawn\n")
        return StepResult([path.name], "not drawn")

    monkeypatch.setattr(report, "_run", one_line)

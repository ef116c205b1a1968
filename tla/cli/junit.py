"""Verdicts as a JUnit file, which every CI reads."""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from tla.audit.report import AuditReport
from tla.files import replacing


def write_junit(file: Path, reports: Mapping[str, AuditReport], *, strict: bool) -> Path:
    """Write a suite per model with a case per check: FAIL is a failure, NOT RUN is skipped.

    Args:
        file: Where; replaced at once.
        reports: By model.
        strict: WARN is a failure too, and so is a model on which no check could be run.

    Raises:
        OSError: without space or permission.
    """
    root = ElementTree.Element("testsuites", name="tla audit")
    for model, report in reports.items():
        counts, idle = report.counts(), strict and report.overall == "NOT RUN"
        failures = counts["FAIL"] + (counts["WARN"] if strict else 0) + idle
        suite = ElementTree.SubElement(
            root, "testsuite", name=model, tests=str(len(report.verdicts) + idle), failures=str(failures), errors="0",
            skipped=str(counts["NOT RUN"]), time=f"{report.summary.seconds:.3f}",
        )  # fmt: skip
        if idle:
            case = ElementTree.SubElement(suite, "testcase", classname=model, name="any check")
            ElementTree.SubElement(case, "failure", message="no check could be run", type="NOT RUN")
        for verdict in report.verdicts:
            case = ElementTree.SubElement(suite, "testcase", classname=model, name=verdict.check)
            text = _text(f"{verdict.evidence}\n{verdict.advice}".strip())
            if verdict.verdict == "FAIL" or (strict and verdict.verdict == "WARN"):
                kind = {"message": _text(verdict.evidence), "type": verdict.verdict}
                ElementTree.SubElement(case, "failure", kind).text = text
            elif verdict.verdict == "NOT RUN":
                ElementTree.SubElement(case, "skipped", message=_text(verdict.evidence))
            else:
                ElementTree.SubElement(case, "system-out").text = f"{verdict.verdict}: {text}"
    ElementTree.indent(root)
    with replacing(file) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)
    return file


def _text(words: str) -> str:
    """Without the control characters that XML does not allow."""
    return "".join(letter for letter in words if letter in "\t\n" or ord(letter) >= 32)

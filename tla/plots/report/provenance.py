"""Where every number comes from, and what was not run."""

import json
from html import escape, unescape
from typing import Any

from tla.plots.drawing.theme import attack_label
from tla.plots.drawing.words import number
from tla.plots.report.conditions import NEEDS_A_MODEL
from tla.plots.report.markup import section, table
from tla.plots.report.material import STEP_OF, Material

TITLE = "Where these numbers come from"
USUAL = {
    "20xpgd": "PGD with 20 restarts", "autoattack": "AutoAttack (the yardstick next to PGD)",
    "square": "Square, a gradient-free black box", "transfer": "images transferred from other models",
}  # fmt: skip


def provenance(material: Material) -> str:
    """Recipe, seeds, versions, hardware, seconds, files, and what was not run."""
    lead = (
        "Everything on this page is computed from the study folder by this version of the program; nothing is entered "
        "by hand."
    )
    items = "".join(f"<li>{text}</li>" for text in not_run(material))
    missing = f'<div class="card"><h3>Not run</h3><ul>{items}</ul></div>' if items else ""
    return section("provenance", TITLE, lead, _summary(material), missing, _steps(material), _recipe(material))


def not_run(material: Material) -> list[str]:
    """What this study does not show, one HTML sentence each."""
    if material.look.condition:
        return [NEEDS_A_MODEL, *(escape(str(note)) for note in material.recorded("embeddings", "notes") or [])]
    missing = [
        f"The table <code>{name}</code> is missing; the step <code>{step}</code> makes it."
        for name, step in STEP_OF.items()
        if material.table(name) is None
    ]
    attacks, detection, audit = (material.table(name) for name in ("attacks", "detection", "audit"))
    if attacks is not None:
        ran = set(attacks["attack"])
        others = [words for name, words in USUAL.items() if name not in ran]
        missing += [f"Attacks: {'; '.join(others)}."] if others else []
    if detection is not None and not detection["adaptive"].any():
        missing.append("Detection against an attacker who knows the detector (adaptive).")
    if audit is not None:
        skipped = sorted({str(name) for name in audit.loc[audit["verdict"] == "NOT RUN", "check"]})
        missing += [f"Checks of the audit: {escape(', '.join(skipped))}."] if skipped else []
    seeds = material.recorded("study", "seeds")
    if isinstance(seeds, list) and len(seeds) < 2:
        missing.append("More than one training seed: the spread between trainings is unknown.")
    return missing


def _summary(material: Material) -> str:
    data, hardware, versions = (material.recorded(name) or {} for name in ("data", "hardware", "versions"))
    steps = material.recorded("steps") or {}
    seconds = sum(float(step.get("facts", {}).get("seconds", 0) or 0) for step in steps.values())
    seeds = material.recorded("study", "seeds") or []
    rows = {
        "study": escape(material.name),
        "made by": f"<code>tla study {_recipe_word(material)}</code>",
        "data": escape(", ".join(_words(data, skip=("classes", "notes")))),
        "classes": escape(", ".join(str(name) for name in data.get("classes", [])[:20])),
        "methods": ", ".join(material.label(method) for method in material.methods),
        "trained from": escape(_started_from(material)),
        "seeds": escape(", ".join(str(seed) for seed in seeds)),
        "conditions": escape(", ".join(material.recorded("embeddings", "conditions") or [])),
        "threat": "" if material.look.condition else escape(", ".join(_words(_threat(material)))),
        "hardware": escape(", ".join(_words(hardware, skip=("free_disk_gb",)))),
        "versions": escape(", ".join(f"{name} {value}" for name, value in versions.items())),
        "time": f"{number(seconds, 3)} seconds in {len(steps)} steps",
    }
    body = [[name, f'<td class="words">{value}</td>'] for name, value in rows.items() if value]
    return table(["", ""], body, "manifest.json of the study")


def _recipe_word(material: Material) -> str:
    """What follows `tla study`."""
    folder = material.recorded("study", "embeddings")
    return escape(f"embeddings:{folder}" if folder else material.name)


def _started_from(material: Material) -> str:
    """The given weights that every method trained further; empty for a study that trains from scratch."""
    start = material.recorded("start")
    if not isinstance(start, dict):
        return ""
    network = f"{start['name']} ({start['load']}), weights {start['fingerprint']}"
    return "; ".join((network, *(str(remark) for remark in start.get("remarks", []))))


def _threat(material: Material) -> dict[str, Any]:
    attack = material.recorded("study", "attack")
    attack = attack if isinstance(attack, dict) else {}
    suite = attack.get("suite")
    names = ", ".join(unescape(attack_label(str(name))) for name in suite) if isinstance(suite, dict) else ""
    known = {key: attack[key] for key in ("norm", "eps", "train_eps", "examples", "detection_eps") if key in attack}
    return known | ({"attacks": names} if names else {})


def _words(values: dict[str, Any], skip: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{key.replace('_', ' ')} {value}" for key, value in values.items() if key not in skip and value is not None
    ]


def _steps(material: Material) -> str:
    steps = material.recorded("steps") or {}
    if not steps:
        return ""
    body = []
    for name, step in steps.items():
        files = step.get("files", {})
        size = sum(int(file.get("bytes") or 0) for file in files.values()) / 1e6
        seconds = step.get("facts", {}).get("seconds")
        time = "" if seconds is None else f"{float(seconds):.1f}"
        body.append(
            [
                f"<code>{escape(name)}</code>",
                time,
                str(len(files)),
                f"{size:.2f}",
                f"<code>{escape(str(step.get('digest'))[:12])}</code>",
            ]
        )
    inner = table(
        ["step", "seconds", "files", "MB", "digest of its inputs"], body, "manifest.json; it holds every file's SHA-256"
    )
    return f"<details><summary>Steps, seconds and digests</summary>{inner}</details>"


def _recipe(material: Material) -> str:
    file = material.store.place("study.toml")
    if file.is_file():
        text = file.read_text(encoding="utf-8")
    else:
        text = json.dumps(material.recorded("study") or {}, indent=1, default=str)
    return f"<details><summary>The recipe, as run</summary><pre>{escape(text)}</pre></details>"

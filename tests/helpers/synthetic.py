"""Synthetic frames for every table of a study: blobs for classes, and methods of different robustness."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tla.store import Store

CHECKS = ("eval_mode", "deterministic", "logits", "inputs", "ball", "recheck", "zero_gradient", "monotone_eps")
STRENGTH = {"natural": 0.02, "at": 0.62, "alp": 0.66, "tla-rn": 0.68, "tla-sa": 0.7, "tla": 0.74}
ATTACKS = {"fgsm": 1.25, "bim": 1.05, "mim": 1.03, "cw": 1.0, "pgd": 1.0, "20xpgd": 0.97}


@dataclass(frozen=True)
class World:
    """What the synthetic study contains.

    Args:
        methods: Names of the methods.
        classes: Number of classes.
        n: Number of attacked test images.
        seeds: Training seeds.
        hold: Share of images that resist PGD, for every method; by default each method has its own.
        eps: Eps of the attacks.
    """

    methods: tuple[str, ...] = tuple(STRENGTH)
    classes: int = 10
    n: int = 300
    seeds: tuple[int, ...] = (0,)
    hold: float | None = None
    eps: float = 0.2

    def strength(self, method: str) -> float:
        return STRENGTH.get(method, 0.5) if self.hold is None else self.hold

    def labels(self) -> np.ndarray:
        return np.arange(self.n) % self.classes

    def models(self):
        for method in self.methods:
            for seed in self.seeds:
                yield method, seed, np.random.default_rng([seed, sum(method.encode())])


def wrong_class(rng, y: np.ndarray, classes: int) -> np.ndarray:
    """Usually the next class, sometimes any other."""
    step = np.where(rng.random(len(y)) < 0.6, 1, rng.integers(1, max(classes, 2), len(y)))
    return (y + step) % max(classes, 1)


def attacked(world: World, method: str, rng, factor: float = 1.0):
    """The class, the prediction under attack, and whether it is fooled, for each image."""
    y = world.labels()
    fooled = rng.random(world.n) > min(1.0, world.strength(method) * factor)
    if world.classes < 2 or world.hold == 1.0:
        fooled[:] = False
    return y, np.where(fooled, wrong_class(rng, y, world.classes), y), fooled


def attacks(world: World) -> pd.DataFrame:
    parts = []
    for method, seed, rng in world.models():
        y = world.labels()
        clean = np.where(rng.random(world.n) < 0.98, y, wrong_class(rng, y, world.classes))
        cases = [("clean", 0.0, 1e9)] + [(name, world.eps, factor) for name, factor in ATTACKS.items()]
        cases += [("pgd", world.eps * 1.25, 0.7), ("pgd", world.eps * 1.5, 0.35)]
        for attack, eps, factor in cases:
            _, prediction, _ = attacked(world, method, rng, factor)
            prediction = clean if attack == "clean" else np.where(clean != y, clean, prediction)
            parts.append(pd.DataFrame({
                "method": method, "seed": seed, "attack": attack, "eps": eps, "id": np.arange(world.n), "y": y,
                "clean_prediction": clean, "prediction": prediction, "success": prediction != y,
                "distance": eps, "value": rng.normal(size=world.n), "queries": 40,
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def maps(world: World) -> pd.DataFrame:
    parts = []
    turn = 2 * np.pi / max(world.classes, 1)
    for method, seed, rng in world.models():
        y, prediction, _ = attacked(world, method, rng)
        spread = 0.5 + world.strength(method)
        home = np.stack([np.cos(turn * y), np.sin(turn * y)], axis=1) * 6 + rng.normal(size=(world.n, 2)) * spread
        target = np.stack([np.cos(turn * prediction), np.sin(turn * prediction)], axis=1) * 6
        away = np.where((prediction != y)[:, None], home * 0.25 + target * 0.75, home)
        away = away + rng.normal(size=(world.n, 2)) * 0.5
        for kind, point, predicted in (("clean", home, y), ("adversarial", away, prediction)):
            parts.append(pd.DataFrame({
                "method": method, "seed": seed, "projection": "umap", "kind": kind, "id": np.arange(world.n), "y": y,
                "prediction": predicted, "u": point[:, 0].astype("f4"), "v": point[:, 1].astype("f4"),
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def shift(world: World) -> pd.DataFrame:
    parts = []
    for method, seed, rng in world.models():
        y, prediction, fooled = attacked(world, method, rng)
        for attack, eps in (("noise", world.eps), ("pgd", world.eps), ("pgd", world.eps * 1.5)):
            wrong = fooled & (attack != "noise")
            angle = np.abs(rng.normal(np.where(wrong, 38, 3 if attack == "noise" else 14), 6 if attack == "pgd" else 1))
            parts.append(pd.DataFrame({
                "method": method, "seed": seed, "attack": attack, "eps": eps, "id": np.arange(world.n), "y": y,
                "prediction": np.where(wrong, prediction, y), "false_class": wrong_class(rng, y, world.classes),
                "group": np.where(wrong, "misclassified", "correct"), "angle": angle, "relative_angle": angle / 60,
                "margin_clean": rng.normal(0.3, 0.05, world.n),
                "margin": rng.normal(np.where(wrong, -0.08, 0.12), 0.04),
                "progress": rng.normal(np.where(wrong, 0.7, 0.2), 0.1),
                "purity_own": np.clip(rng.normal(np.where(wrong, 0.2, 0.9), 0.2), 0, 1),
                "purity_false": np.clip(rng.normal(np.where(wrong, 0.7, 0.05), 0.2), 0, 1),
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def detection(world: World) -> pd.DataFrame:
    parts = []
    for method, seed, rng in world.models():
        for detector, gap in (("gaussian", 1.6), ("max_softmax", 2.2)):
            for eps, more in ((world.eps, 1.0), (world.eps * 1.5, 0.8)):
                y, prediction, fooled = attacked(world, method, rng)
                lift = gap * (0.3 + world.strength(method)) * more
                for kind, rows, mean in (("adversarial", fooled, lift), ("clean", np.ones(world.n, bool), 0.0)):
                    parts.append(pd.DataFrame({
                        "method": method, "seed": seed, "attack": "pgd", "eps": eps, "detector": detector,
                        "adaptive": False, "kind": kind, "id": np.flatnonzero(rows), "y": y[rows],
                        "prediction": (prediction if kind == "adversarial" else y)[rows],
                        "score": rng.normal(mean, 1, rows.sum()),
                    }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def neighbours(world: World, k: int = 10, queries: int = 60) -> pd.DataFrame:
    parts = []
    queries = min(queries, world.n)
    for method, seed, rng in world.models():
        y, prediction, fooled = attacked(world, method, rng)
        for kind in ("clean", "adversarial"):
            target = np.where(fooled, prediction, y) if kind == "adversarial" else y
            ids = np.repeat(np.arange(queries), k)
            same = rng.random(len(ids)) < 0.85
            label = np.where(same, target[ids], rng.integers(0, world.classes, len(ids)))
            parts.append(pd.DataFrame({
                "method": method, "seed": seed, "kind": kind, "id": ids, "rank": np.tile(np.arange(1, k + 1), queries),
                "y": y[ids], "prediction": target[ids],
                "neighbour": label + world.classes * rng.integers(0, 5, len(ids)),
                "neighbour_y": label, "distance": np.sort(rng.random((queries, k)), axis=1).ravel() * 0.2,
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def retrieval(world: World) -> pd.DataFrame:
    parts = []
    for method, seed, rng in world.models():
        for kind, base in (("clean", 0.97), ("adversarial", world.strength(method))):
            parts.append(pd.DataFrame({
                "method": method, "seed": seed, "kind": kind, "id": np.arange(world.n), "y": world.labels(),
                "recall_1": rng.random(world.n) < base, "recall_5": rng.random(world.n) < base**0.7,
                "recall_10": rng.random(world.n) < base**0.6, "map_at_r": np.clip(rng.normal(base, 0.1, world.n), 0, 1),
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def history(world: World, epochs: int = 12) -> pd.DataFrame:
    parts = []
    for method, seed, rng in world.models():
        t = np.arange(epochs)
        entropy = 2.3 * np.exp(-t / 4) + 0.2 + rng.normal(0, 0.02, epochs)
        triplet = 0.04 * np.exp(-t / 5) if method.startswith("tla") else np.full(epochs, np.nan)
        parts.append(pd.DataFrame({
            "method": method, "seed": seed, "epoch": t, "loss": entropy + np.nan_to_num(triplet),
            "cross_entropy": entropy, "triplet": triplet, "active": triplet * 20,
            "clean_accuracy": 0.98 - 0.6 * np.exp(-t / 2),
            "robust_accuracy": world.strength(method) * (1 - np.exp(-t / 3)),
            "learning_rate": 0.1 * (1 - t / epochs), "seconds": 1.2,
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def trajectory(world: World, steps: int = 20, images: int = 4, restarts: int = 2) -> pd.DataFrame:
    parts = []
    for method, seed, rng in world.models():
        for image in range(min(images, world.n)):
            for restart in range(restarts):
                t = np.arange(steps + 1) / steps
                y = image % world.classes
                fooled = rng.random() > world.strength(method) and world.classes > 1
                flip = rng.uniform(0.3, 0.9) if fooled else 2.0
                success = t >= flip
                parts.append(pd.DataFrame({
                    "method": method, "seed": seed, "attack": "pgd", "eps": world.eps, "id": image, "restart": restart,
                    "step": np.arange(steps + 1), "y": y,
                    "false_class": (y + 1) % max(world.classes, 1),
                    "prediction": np.where(success, (y + 1) % max(world.classes, 1), y),
                    "value": 3 * t + rng.normal(0, 0.1, steps + 1), "success": success,
                    "p_true": np.clip(1 - t / max(flip, 1) / 1.6, 0, 1),
                    "p_false": np.clip(t / max(flip, 1) / 1.6, 0, 1),
                    "distance_own": 0.1 + 0.3 * t, "distance_false": 0.5 - 0.3 * t,
                    "u": 6 * np.cos(y) + 3 * t + rng.normal(0, 0.1, steps + 1),
                    "v": 6 * np.sin(y) - 2 * t + restart * t,
                }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def layers(world: World) -> pd.DataFrame:
    names = ("conv1", "conv2", "fc", "embedding")
    rows = [
        (method, seed, "pgd", world.eps, name, depth, 1 - (1 - world.strength(method)) * (depth + 1) / 5)
        for method, seed, _ in world.models()
        for depth, name in enumerate(names)
    ]
    return pd.DataFrame(rows, columns=["method", "seed", "attack", "eps", "layer", "depth", "cka"])


def audit(world: World) -> pd.DataFrame:
    rows = []
    for method, seed, rng in world.models():
        for number, check in enumerate(CHECKS, start=1):
            verdict = str(rng.choice(["OK", "OK", "OK", "WARN", "FAIL", "NOT RUN"]))
            rows.append((method, seed, check, number, verdict, f"evidence of {check} < 1e-6", "Fix it.", [1, 2]))
    return pd.DataFrame(rows, columns=["method", "seed", "check", "number", "verdict", "evidence", "advice", "ids"])


def transfer(world: World) -> pd.DataFrame:
    """Every model's own images fool it most; a thirtieth of the others' do."""
    parts = []
    for seed in world.seeds:
        for source in world.methods:
            for target in world.methods:
                fooled = 1 / 30 if source != target else max(1 / 30, 1 - world.strength(target))
                parts.append(pd.DataFrame({
                    "source": source, "target": target, "id": np.arange(world.n), "y": world.labels(),
                    "clean_prediction": world.labels(), "prediction": world.labels(),
                    "success": np.arange(world.n) < round(fooled * world.n), "seed": seed, "attack": "pgd",
                    "eps": world.eps,
                }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def strength(world: World) -> pd.DataFrame:
    attacks = {
        "ensemble, 1 search": (0.04, 40), "ensemble": (0.0, 400), "PGD-40": (0.08, 80), "APGD-T": (0.0, 1100),
        "AutoAttack": (0.0, 6000),
    }  # fmt: skip
    rows = [
        ("digits", method, world.eps, attack, min(1.0, world.strength(method) + more), world.n, passes)
        for method in world.methods
        for attack, (more, passes) in attacks.items()
    ]
    return pd.DataFrame(rows, columns=["data", "model", "eps", "attack", "accuracy", "n", "passes"])


def ablation(world: World) -> pd.DataFrame:
    rows = [
        ("pool", value, method, 0, attack, world.eps, 0.6 + 0.02 * i - 0.004 * i * i, world.n)
        for method in world.methods
        for attack in ("cw", "pgd", "mim")
        for i, value in enumerate((1, 10, 50, 250))
    ]
    return pd.DataFrame(rows, columns=["parameter", "value", "method", "seed", "attack", "eps", "accuracy", "n"])


def ranking(world: World, queries: int = 20, size: int = 100) -> pd.DataFrame:
    parts = []
    queries = min(queries, world.n)
    for method, seed, rng in world.models():
        for eps in (world.eps, world.eps * 1.5):
            for kind in ("CA+", "CA-", "QA+", "QA-"):
                raised = kind.endswith("+")
                before = rng.integers(20, size, queries) if raised else np.ones(queries, int)
                reach = 1 - world.strength(method)
                after = np.where(raised, before * (1 - reach), before + reach * 60).astype(int).clip(1, size)
                y = world.labels()[:queries]
                parts.append(pd.DataFrame({
                    "method": method, "seed": seed, "kind": kind, "eps": eps, "id": np.arange(queries), "y": y,
                    "candidate": rng.integers(0, size, queries), "candidate_y": (y + raised) % max(world.classes, 1),
                    "gallery": size, "rank_before": before, "rank_after": after,
                    "recall_1_before": 1.0, "recall_1_after": (rng.random(queries) > reach).astype(float),
                    "map_at_r_before": 0.9, "map_at_r_after": 0.9 - 0.5 * reach,
                }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def ranking_lists(world: World, queries: int = 4, k: int = 6) -> pd.DataFrame:
    rows = []
    for method, seed, rng in world.models():
        for kind in ("CA+", "CA-", "QA+", "QA-"):
            for i in range(min(queries, world.n)):
                y = int(world.labels()[i])
                for when, change in (("before", "leaves"), ("after", "enters")):
                    for rank in range(1, k + 1):
                        item = y + world.classes * (rank % 5)
                        rows.append((
                            method, seed, kind, world.eps, i, y, when, rank, item, item % world.classes, 0.1 * rank,
                            rank == 1, "stays" if rng.random() < world.strength(method) else change,
                        ))  # fmt: skip
    columns = ["method", "seed", "kind", "eps", "id", "y", "list", "rank", "neighbour", "neighbour_y", "distance",
               "candidate", "change"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


TABLES = {
    "attacks": attacks, "map": maps, "shift": shift, "detection": detection, "neighbours": neighbours,
    "retrieval": retrieval, "history": history, "trajectory": trajectory, "layers": layers, "audit": audit,
    "transfer": transfer, "ablation": ablation, "strength": strength, "ranking": ranking,
    "ranking_lists": ranking_lists,
}  # fmt: skip


def arrays(world: World, size: int = 8) -> dict[str, dict[str, np.ndarray]]:
    """Pictures of the synthetic study: a bright bar whose position is the class."""
    rng = np.random.default_rng(0)

    def bars(y):
        images = rng.integers(0, 40, (len(y), 1, size, size)).astype(np.uint8)
        for image, klass in zip(images, y, strict=True):
            image[0, int(klass) % size, :] = 255
        return images

    gallery_y = np.arange(world.classes * 5) % world.classes
    test = bars(world.labels())
    stored = {
        "images": {
            "test": test, "test_id": np.arange(world.n), "test_y": world.labels(),
            "gallery": bars(gallery_y), "gallery_id": np.arange(len(gallery_y)), "gallery_y": gallery_y,
        }
    }  # fmt: skip
    for method, seed, noise in world.models():
        shifted = test / 255 + noise.uniform(-world.eps, world.eps, test.shape)
        stored[f"adversarial/{method}-seed{seed}"] = {f"pgd@{world.eps:.6g}": np.clip(shifted, 0, 1).astype(np.float32)}
        steps = np.arange(0, 21, 2)
        path = test[:4, None] / 255 + (shifted - test / 255)[:4, None] * (steps / 20).reshape(1, -1, 1, 1, 1)
        pixels = (np.clip(path, 0, 1) * 255).astype(np.uint8)
        stored[f"film/{method}-seed{seed}"] = {"id": np.arange(len(pixels)), "step": steps, "pixels": pixels}
    return stored


def write_store(path: Path, world: World | None = None, *, without: tuple[str, ...] = ()) -> Store:
    """A study folder of synthetic tables, arrays and manifest, without the named tables ("images": no arrays)."""
    world = world or World()
    store = Store(path)
    files = [store.write_table(name, table(world)) for name, table in TABLES.items() if name not in without]
    if "images" not in without:
        files += [store.write_arrays(name, stored) for name, stored in arrays(world).items()]
    store.note(
        study={
            "name": "synthetic",
            "methods": list(world.methods),
            "seeds": list(world.seeds),
            "attack": {"eps": world.eps},
        },
        data={"name": "bars", "classes": [str(k) for k in range(world.classes)], "train": 1297, "test": world.n},
        versions={"tla": "0.1.0", "torch": "2.11"},
        hardware={"device": "a test", "threads": 1},
    )
    for method in world.methods:
        store.finish(f"train/{method}-seed0", "d", [], {"seconds": 3.5})
    store.finish("tables", "d", files, {"seconds": 0.2})
    json.loads((path / "manifest.json").read_text())
    return store

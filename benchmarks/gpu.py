"""Everything that needs a GPU, in stages of at most four minutes: tests, speed, search, training.

    python benchmarks/gpu.py --data FOLDER --out FOLDER                  all stages, nine minutes at most
    python benchmarks/gpu.py --data FOLDER --out FOLDER --stage train    one of them
    python benchmarks/gpu.py --out FOLDER --dry                          every stage on the CPU, tiny, on made-up images
    python benchmarks/gpu.py --pack FOLDER --data FOLDER                 CIFAR-10 without loss in files of 15 MB at most
    python benchmarks/gpu.py --join at.safetensors.0of2 at.safetensors.1of2    the file of which these are the shards

For a machine without network: Python 3.12, torch 2.11 and this project's packages are enough. FOLDER of --data is what
--pack has written, or where CIFAR-10 lies (see TLA_DATA).

tests: `pytest -m gpu`. speed: the attack loop and a training step against bare passes and other libraries
(attacks.py, training.py). search: exact neighbours by FAISS on the GPU against the CPU's, times and agreement. train:
ResNet-18 of width 64 by AT and by TLA, N-FGSM, for the same time, judged by the ensemble on 1,000 test images.

Every stage runs in a process of its own, writes OUT/STAGE.json as it goes, and can be repeated; one that takes too long
is ended, and what it had written stays. No file is larger than 15 MB: weights are in half precision, in shards.
"""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LIMITS = {"tests": 90, "speed": 120, "search": 60, "train": 240}
"""Seconds after which a stage is ended."""

SHARD = 14_000_000
SIDE, SHEET = 32, 2500
EPS = 8 / 255
HERE = Path(__file__).parent
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Record(dict[str, Any]):
    """What a stage has found; every value is on disk as soon as it is known.

    Args:
        path: The JSON file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.note(started=time.strftime("%Y-%m-%d %H:%M:%S"))

    def note(self, **values: Any) -> None:
        """Add values, write the file, and print them."""
        self.update(values)
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(self, indent=1), encoding="utf-8")
        temporary.replace(self.path)
        print(f"{self.path.stem}: {json.dumps(values)}", flush=True)


def main() -> int:
    """Run the stages that are asked for, each in a process; returns how many did not end well."""
    options = arguments()
    if options.join or options.pack:
        try:
            print(join(options.join) if options.join else f"{len(pack(options.data, options.pack))} files packed")
        except (ValueError, OSError) as error:
            sys.exit(f"gpu.py: {error}")
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    if options.inside:
        STAGES[options.stage[0]](options, Record(options.out / f"{options.stage[0]}.json"))
        return 0
    failed = [stage for stage in options.stage or LIMITS if not run(stage, options)]
    print(f"failed={','.join(failed) or 'none'}")
    return len(failed)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="CIFAR-10; made-up images with --dry")
    parser.add_argument("--out", type=Path, default=Path("gpu"))
    parser.add_argument("--stage", nargs="+", choices=[*LIMITS], default=[])
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--pack", type=Path, help="write CIFAR-10 into this folder")
    parser.add_argument("--join", type=Path, nargs="+", help="shards of one file")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def run(stage: str, options: argparse.Namespace) -> bool:
    """One stage in a process of its own, within its limit; True if it ended well."""
    words = [sys.executable, __file__, "--inside", "--stage", stage, "--out", str(options.out)]
    words += ["--data", str(options.data)] if options.data else []
    started = time.perf_counter()
    try:
        code = subprocess.run(words + ["--dry"] * options.dry, timeout=LIMITS[stage], check=False).returncode
    except subprocess.TimeoutExpired:
        code = None
    seconds = time.perf_counter() - started
    print(f"{stage}: {'ended at its limit' if code is None else f'status {code}'} after {seconds:.0f} s", flush=True)
    return code == 0


def tests(options: argparse.Namespace, record: Record) -> None:
    """The tests that need a GPU."""
    from xml.etree import ElementTree

    report = options.out / "tests.xml"
    words = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", f"--junitxml={report.resolve()}"]
    words += ["tests/models/test_models_gpu.py"] if options.dry else ["tests"]
    ended = subprocess.run(words, cwd=HERE.parent, capture_output=True, text=True, check=False)
    suite = ElementTree.parse(report).getroot().find("testsuite") if report.exists() else None
    found = {} if suite is None else suite.attrib
    counts = {word: int(found[word]) for word in ("tests", "failures", "errors", "skipped") if word in found}
    record.note(status=ended.returncode, **counts, end=ended.stdout[-3000:])
    if ended.returncode:
        raise SystemExit(ended.returncode)


def speed(options: argparse.Namespace, record: Record) -> None:
    """The attack loop and the training step: the last lines of their benchmarks."""
    attack = ["attacks.py", "--rounds", "3"]
    training = ["training.py", "--model", "resnet18", "--shape", "3", "32", "32", "--batch", "256", "--rounds", "9"]
    if options.dry:
        attack = ["attacks.py", "--device", "cpu", "--images", "8", "--batch", "8", "--steps", "2", "--rounds", "1"]
        attack += ["--training", "1", "--threads", "1"]
        training = ["training.py", "--model", "mnist_mlp", "--batch", "16", "--rounds", "2", "--warmup", "1"]
        training += ["--steps", "2", "--device", "cpu", "--threads", "1"]
    for words in (attack, training):
        ended = subprocess.run(
            [sys.executable, str(HERE / words[0]), *words[1:]], capture_output=True, text=True, check=False
        )
        values = {name: float(value) for name, value in re.findall(r"(\w+)=(-?[\d.]+|nan)", ended.stdout)}
        record.note(**{Path(words[0]).stem: values | {"end": (ended.stdout + ended.stderr)[-1500:]}})
        if ended.returncode:
            raise SystemExit(ended.returncode)


def search(options: argparse.Namespace, record: Record) -> None:
    """FAISS on the GPU against the CPU: the same neighbours, and how long each takes."""
    import torch

    from tla.retrieval import GalleryIndex
    from tla.retrieval.engines import gpus

    record.note(gpus=gpus())
    for count, width in ((2000, 32),) if options.dry else ((60_000, 640), (1_000_000, 256)):
        source = torch.Generator().manual_seed(0)
        gallery = torch.randn(count, width, generator=source)
        queries = gallery[:1000] + 0.3 * torch.randn(1000, width, generator=source)
        found = {}
        for name, gpu in {"gpu": True, "cpu": False}.items():
            index = GalleryIndex.build(gallery, torch.zeros(count, dtype=torch.long), kind="exact", gpu=gpu)
            index.search(queries[:10], 10)
            started = time.perf_counter()
            found[name] = index.search(queries, 10).position.cpu()
            record.note(**{f"{name}_{count}x{width}": {"seconds_per_1000": time.perf_counter() - started}})
        same = float((found["gpu"] == found["cpu"]).double().mean())
        record.note(**{f"same_neighbours_{count}x{width}": same})


def train(options: argparse.Namespace, record: Record) -> None:
    """AT and TLA for the same time, judged by the ensemble."""
    import torch

    from tla.attacks import Ensemble, evaluate
    from tla.models import MODELS
    from tla.threat import Threat
    from tla.training import METHODS, open_engine, save_model
    from tla.training import train as train_network
    from tla.training.checkpoint import describe

    splits, engine = images(options), open_engine("cpu" if options.dry else None)
    record.note(device=str(engine.device), images=len(splits.train))
    backbone = MODELS.build("resnet18", width=4 if options.dry else 64)
    seconds = 1.0 if options.dry else 60.0
    config = settings(options)
    for name, knobs in (("at", {}), ("tla", {"keys": config.batch // 2})):  # half of the batch, as in the recipe
        method, config = METHODS.build(name, **knobs), settings(options)
        epochs = epochs_within(seconds, backbone, splits.train, method, config, options.out / f"{name}-timing")
        config, started = dataclasses.replace(config, epochs=epochs), time.perf_counter()
        result = train_network(backbone, splits.train, method, config, seed=0, folder=options.out / name, engine=engine)
        spent = time.perf_counter() - started
        record.note(**{name: {"epochs": epochs, "seconds": spent, **result.facts}})
        header = describe(backbone, splits.train.shape, splits.train.classes) | {"data": "cifar10", "method": name}
        whole = options.out / f"{name}.safetensors"
        save_model(whole, result.model, header | {"facts": result.facts}, half=True)
        record.note(**{f"{name}_shards": [part.name for part in split(whole)]})
        (options.out / name / "train.pt").unlink(missing_ok=True)
        test = splits.test.subset(torch.randperm(len(splits.test), generator=torch.Generator().manual_seed(0))[:1000])
        x, y = test.floats().to(engine.device), test.labels.to(engine.device)
        frame: Any = evaluate(result.model, x, y, {"ensemble": Ensemble()}, Threat("linf", EPS), batch=500, seed=0)
        wrong = frame.groupby("attack")["success"].mean()
        accuracy = {str(attack): 1 - float(share) for attack, share in wrong.items()}
        record.note(**{f"{name}_accuracy": accuracy}, n=len(x))


def settings(options: argparse.Namespace) -> Any:
    """The recipe `cifar10`, compiled, in larger batches."""
    from tla.study import recipes, study_from

    config = study_from(recipes.read("cifar10")).resolved().train
    if options.dry:
        return dataclasses.replace(config, batch=32, holdout=20)
    return dataclasses.replace(config, batch=256, learning_rate=0.3, holdout=1000, compile=True, judge_every=4)


def epochs_within(seconds: float, backbone: Any, pictures: Any, method: Any, config: Any, folder: Path) -> int:
    """How many epochs fit: the second of two is timed, since the first one compiles."""
    import shutil

    from tla.training import train as train_network

    short = dataclasses.replace(config, epochs=2, judge_every=1)
    result = train_network(backbone, pictures, method, short, seed=99, folder=folder)
    shutil.rmtree(folder)
    return max(2, int(seconds / float(result.history["seconds"].iloc[-1])))


STAGES: dict[str, Callable[[argparse.Namespace, Record], None]] = {
    "tests": tests, "speed": speed, "search": search, "train": train
}  # fmt: skip


def images(options: argparse.Namespace) -> Any:
    """CIFAR-10 as packed, or as the library finds it; made-up images for a dry run."""
    import torch

    from tla.data import Images, Splits, load_source

    if options.dry:
        made = []
        for name, count in (("train", 200), ("test", 40)):
            source = torch.Generator().manual_seed(len(name))
            pixels = torch.randint(256, (count, 3, SIDE, SIDE), generator=source).to(torch.uint8)
            made.append(Images(pixels, torch.arange(count) % 10, NAMES, torch.arange(count), "noise", name))
        return Splits(*made)
    if options.data is not None and (options.data / "labels.json").exists():
        return unpack(options.data)
    return load_source("cifar10").load(options.data)


def pack(data: Path | None, folder: Path) -> list[Path]:
    """Write CIFAR-10 as sheets of pictures without loss, and its labels; returns the files.

    Args:
        data: Where it lies.
        folder: Where to write.
    """
    import numpy as np
    from PIL import Image

    from tla.data import load_source

    splits = load_source("cifar10").load(data)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for name in ("train", "test"):
        pixels = getattr(splits, name).pixels.permute(0, 2, 3, 1).numpy()
        for start in range(0, len(pixels), SHEET):
            rows = pixels[start : start + SHEET]
            side = -(-len(rows) // 50)
            sheet = np.zeros((50 * side, SIDE, SIDE, 3), np.uint8)
            sheet[: len(rows)] = rows
            whole = sheet.reshape(side, 50, SIDE, SIDE, 3).swapaxes(1, 2).reshape(side * SIDE, 50 * SIDE, 3)
            files.append(folder / f"{name}-{start:05d}.webp")
            Image.fromarray(whole).save(files[-1], lossless=True, method=2)
    labels = {name: getattr(splits, name).labels.tolist() for name in ("train", "test")}
    (folder / "labels.json").write_text(json.dumps(labels | {"files": [file.name for file in files]}))
    return [*files, folder / "labels.json"]


def unpack(folder: Path) -> Any:
    """What `pack` has written.

    Raises:
        FileNotFoundError: names the files that are missing.
    """
    import numpy as np
    import torch
    from PIL import Image

    from tla.data import Images, Splits

    labels, splits = json.loads((folder / "labels.json").read_text()), []
    missing = [name for name in labels["files"] if not (folder / name).exists()]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}: carry all the files that --pack has written")
    for name in ("train", "test"):
        parts = []
        for file in sorted(folder.glob(f"{name}-*.webp")):
            whole = np.asarray(Image.open(file).convert("RGB"))
            side = whole.shape[0] // SIDE
            parts.append(whole.reshape(side, SIDE, 50, SIDE, 3).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3))
        y = torch.tensor(labels[name])
        pixels = torch.from_numpy(np.concatenate(parts)[: len(y)].transpose(0, 3, 1, 2).copy())
        splits.append(Images(pixels, y, NAMES, torch.arange(len(y)), "cifar10", name))
    return Splits(*splits)


def split(file: Path) -> list[Path]:
    """Replace a file by shards that are small enough to carry; returns them."""
    content = file.read_bytes()
    starts = range(0, len(content), SHARD)
    parts = []
    for number, start in enumerate(starts):
        parts.append(file.with_name(f"{file.name}.{number}of{len(starts)}"))
        parts[-1].write_bytes(content[start : start + SHARD])
    file.unlink()
    return parts


def join(parts: Sequence[Path]) -> Path:
    """Write the file that `split` has taken apart, beside its shards.

    Raises:
        ValueError: for shards of several files, or a missing one.
    """
    whole = parts[0].with_suffix("")
    ordered = [whole.with_name(f"{whole.name}.{number}of{len(parts)}") for number in range(len(parts))]
    if {part.absolute() for part in ordered} != {part.absolute() for part in parts}:
        got = ", ".join(part.name for part in parts)
        raise ValueError(f"--join takes all shards of one file, as FILE.0of2 FILE.1of2, got {got}")
    whole.write_bytes(b"".join(part.read_bytes() for part in ordered))
    return whole


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "4")
    sys.exit(main())

"""A study of 5,000 images for the dashboard's benchmark: moved digits, three methods, two epochs.

    python benchmarks/large_study.py FOLDER

Writes FOLDER/large with the library's own study, in some minutes on one core; a finished one is kept. What its networks
have learned means nothing: only the size of its tables counts.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

NAME = "large"
IMAGES = 5000
RECIPE = """
name = "large"
caption = "moved digits: made for a benchmark, its accuracies mean nothing"
methods = ["natural", "at", "tla"]
seeds = [0]

[source]
name = "npz"
path = "{path}"

[model]
name = "small_cnn"
width = 8
embedding = 32

[train]
epochs = 2
batch = 64
learning_rate = 0.005
holdout = 150

[train.attack]
name = "pgd"
steps = 3

[attack]
eps = 0.15
examples = {images}
batch = 500
main = "pgd"
detection_eps = [0.15]

[attack.suite]
fgsm = {{ name = "fgsm" }}
pgd = {{ name = "pgd", steps = 10 }}

[analysis]
gallery = 1297
map_points = {images}
projection = "pca"
trajectories = 20
adaptive_images = 20
audit = false
ranking = 10
transfer = 100
"""


def large_study(folder: Path) -> Path:
    """The folder of studies with the large one; made if it is not finished there.

    Args:
        folder: Where it is, or will be.
    """
    place = folder / NAME
    if not is_finished(place):
        folder.mkdir(parents=True, exist_ok=True)
        recipe = folder / f"{NAME}.toml"
        recipe.write_text(RECIPE.format(path=write_digits(folder / "digits.npz"), images=IMAGES))
        make_study(str(recipe), place)
    return folder


def is_finished(place: Path) -> bool:
    """Whether a study is there and complete."""
    from tla.store import Store

    return bool(Store(place).manifest().get("complete"))


def make_study(recipe: str, place: Path) -> None:
    """Run a study through the command line, in a process of one thread.

    Args:
        recipe: The argument of `tla study`.
        place: Its folder.
    """
    words = [sys.executable, "-m", "tla", "study", recipe, "--out", str(place)]
    subprocess.run(words, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)


def write_digits(file: Path, count: int = IMAGES) -> Path:
    """The digits as arrays; each of 500 for testing is there many times, moved by up to a pixel and with noise.

    Args:
        file: An npz file.
        count: Test images.
    """
    import tla

    images = tla.SOURCES.build("digits").load()
    x, y = (np.asarray(part) for part in (images.test.pixels, images.test.labels))
    rng = np.random.default_rng(0)
    times = -(-count // len(x))
    moved = [np.roll(x, tuple(rng.integers(-1, 2, 2)), axis=(-2, -1)) for _ in range(times)]
    noisy = np.concatenate(moved)[:count] + rng.integers(0, 24, (count, *x.shape[1:]))
    np.savez(
        file,
        x_test=noisy.clip(0, 255).astype(np.uint8),
        y_test=np.tile(y, times)[:count],
        x_train=np.asarray(images.train.pixels),
        y_train=np.asarray(images.train.labels),
    )
    return file


if __name__ == "__main__":
    started = time.perf_counter()
    print(large_study(Path(sys.argv[1])) / NAME, f"seconds={time.perf_counter() - started:.0f}")

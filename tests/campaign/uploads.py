"""Odd uploads: an image of the right shape, or a sentence; embedding files: numbers, or a sentence."""

import io
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from tally import Tally, command

sys.path.insert(0, str(Path(__file__).parents[2] / "app"))

from tla.retrieval import read_embeddings

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
MODES = ("1", "L", "P", "RGB", "RGBA", "I;16", "I", "F", "CMYK", "LA")


def campaign(tries: int, seed: int) -> Tally:
    """Pictures of every mode and format, damaged; files of embeddings with odd columns, damaged."""
    from board.film import fit_image

    rng, tally = random.Random(seed), Tally("uploads", seed)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(tries):
            if number % 4 == 3:
                _embeddings(tally, rng, Path(folder) / f"e{rng.choice(('.parquet', '.npy', '.txt'))}")
                continue
            content = _damaged(rng, _picture(rng))
            shape = rng.choice(((1, 8, 8), (3, 32, 32)))
            try:
                pixels = fit_image(content, shape)
            except ValueError as error:
                tally.add("held" if str(error) else "silently wrong")
            except Exception as error:
                tally.add("traceback", repr(error))
            else:
                good = pixels.shape == shape and pixels.dtype == np.float32 and 0 <= pixels.min() <= pixels.max() <= 1
                tally.add("held" if good else "silently wrong", (pixels.shape, pixels.dtype))
    return tally


def _picture(rng: random.Random) -> bytes:
    size = (rng.randrange(1, 60), rng.randrange(1, 60))
    image = Image.fromarray(np.random.default_rng(rng.randrange(10**6)).integers(0, 255, (*size, 3)).astype("uint8"))
    out = io.BytesIO()
    try:
        image.convert(rng.choice(MODES)).save(out, rng.choice(FORMATS))
    except (OSError, ValueError, KeyError):
        image.save(out, "PNG")
    return out.getvalue()


def _damaged(rng: random.Random, content: bytes) -> bytes:
    kind, place = rng.choice(("whole", "bit", "cut", "noise", "empty", "text")), rng.randrange(len(content))
    if kind == "bit":
        return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]
    others = {
        "whole": content,
        "cut": content[:place],
        "noise": rng.randbytes(200),
        "empty": b"",
        "text": b"<svg></svg>",
    }
    return others[kind]


def _embeddings(tally: Tally, rng: random.Random, file: Path) -> None:
    values = np.random.default_rng(0).normal(size=(5, 3))
    columns: dict[str, object] = {
        "vector": list(values),
        "embedding": list(values),
        "f0": values[:, 0],
        "f1": values[:, 1],
        "width": 28,
        "y": range(5),
        "prediction": 1,
        "name": "a",
        "label": list("abcde"),
        "id": range(5),
        "gap": [None, *values[1:, 0]],
        "0": values[:, 2],
        "holes": [None, *list(values[1:])],
        "ragged": [[1.0]] + [[1.0, 2.0]] * 4,
        "time": pd.Timestamp("2026-01-01"),
    }
    chosen = rng.sample(list(columns), rng.randrange(1, 5))
    if file.suffix == ".npy":
        np.save(
            file,
            rng.choice((values, values[0], values[:0], values.astype("i4"), values > 0, np.array("x"), values * 1j)),
        )
    else:
        pd.DataFrame({name: columns[name] for name in chosen}, index=range(5)).to_parquet(file)
    content = file.read_bytes()
    whole = rng.random() < 0.7
    file.write_bytes(content if whole else _damaged(rng, content))
    try:
        found = read_embeddings(file)
    except ValueError as error:
        tally.add("held" if str(file) in str(error) else "silently wrong", str(error))
    except Exception as error:
        tally.add("traceback", (chosen, repr(error)))
    else:
        lists = [name for name in chosen if name in ("vector", "embedding")]
        right = len(found.embedding) == len(found.y) and (
            not whole or file.suffix == ".npy" or not lists or len(lists) == 1
        )
        leaked = (
            whole
            and file.suffix == ".parquet"
            and lists
            and not np.allclose(found.embedding.numpy(), values, atol=1e-6)
        )
        tally.add("held" if right and not leaked else "silently wrong", (chosen, tuple(found.embedding.shape)))


if __name__ == "__main__":
    command("uploads", campaign, 1000)

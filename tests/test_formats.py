import io
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tla.formats import DamagedFileError, read_npy, read_npz


def written(save, *arrays, **named):
    out = io.BytesIO()
    save(out, *arrays, **named)
    return out.getvalue()


def forms():
    values, y = np.random.default_rng(0).normal(size=(5, 3)), np.arange(5)
    return [
        (read_npy, written(np.save, values)),
        (partial(read_npy, mapped=True), written(np.save, values)),
        (read_npz, written(np.savez, x=values, y=y)),
        (read_npz, written(np.savez_compressed, x=values, y=y)),
    ]


@pytest.mark.parametrize(("read", "content"), forms(), ids=["npy", "npy mapped", "npz", "npz packed"])
def test_damaged_bytes_are_refused_by_name(read, content, tmp_path):
    rng, file, refused = random.Random(0), tmp_path / "own.np", []
    for _ in range(600):
        damaged, place = bytearray(content), rng.randrange(len(content))
        if rng.random() < 0.3:
            damaged = damaged[:place]
        else:
            damaged[place] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        try:
            read(file)  # a flipped bit of an array's own numbers cannot be seen in a .npy
        except DamagedFileError as error:
            refused.append(str(error))
    assert len(refused) > 150
    assert all(text.startswith(str(file)) for text in refused)


def test_header_that_no_parser_finishes_is_refused(tmp_path):
    file, content = tmp_path / "own.npy", written(np.save, np.zeros((5, 3)))
    file.write_bytes(content.replace(b"(5, 3)", b"(5, 3 "))
    with pytest.raises(DamagedFileError, match=r"own.npy: cannot be read as .npy"):
        read_npy(file)


def test_other_form_and_objects_are_named(tmp_path):
    file = tmp_path / "own.npy"
    file.write_bytes(written(np.savez, x=np.zeros(3)))
    with pytest.raises(DamagedFileError, match=r"must hold one array \(np.save\), got an archive of 1"):
        read_npy(file)
    file.write_bytes(written(np.save, np.zeros(3)))
    with pytest.raises(DamagedFileError, match=r"must hold an archive of arrays \(np.savez\), got one array"):
        read_npz(file)
    file.write_bytes(written(np.save, np.array([{}], dtype=object)))
    with pytest.raises(DamagedFileError, match="objects, which are never unpickled"):
        read_npy(file)
    with pytest.raises(FileNotFoundError):
        read_npy(Path(tmp_path / "none.npy"))


def test_a_mapped_array_is_the_file_and_never_changes_it(tmp_path):
    file, values = tmp_path / "own.npy", np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(file, values)
    found = read_npy(file, mapped=True)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, values)
    found[:] = 7
    np.testing.assert_array_equal(np.load(file), values)

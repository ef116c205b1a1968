import numpy as np
import pandas as pd
import pytest
import torch

from tla.retrieval import GalleryIndex, read_embeddings
from tla.store import DamagedFileError


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(6, 3))


def test_npy_with_and_without_labels(tmp_path, values):
    np.save(tmp_path / "e.npy", values)
    np.save(tmp_path / "y.npy", np.arange(6, dtype=np.uint8))
    bare = read_embeddings(tmp_path / "e.npy")
    np.testing.assert_allclose(bare.embedding, values, rtol=1e-6)
    assert bare.embedding.dtype == torch.float32
    assert bare.y.tolist() == [0] * 6
    assert bare.ids.tolist() == list(range(6))
    labelled = read_embeddings(tmp_path / "e.npy", tmp_path / "y.npy")
    assert labelled.y.tolist() == list(range(6))
    assert GalleryIndex.build(*labelled).search(labelled.embedding, 1).y[:, 0].tolist() == list(range(6))


def test_parquet_as_lists_and_as_columns(tmp_path, values):
    lists = pd.DataFrame({"embedding": list(values), "label": range(6), "id": range(50, 56), "name": list("abcdef")})
    lists.to_parquet(tmp_path / "lists.parquet")
    columns = pd.DataFrame(values, columns=["f0", "f1", "f2"]).assign(y=range(6), id=range(50, 56), name=list("abcdef"))
    columns.to_parquet(tmp_path / "columns.parquet")
    first, second = read_embeddings(tmp_path / "lists.parquet"), read_embeddings(tmp_path / "columns.parquet")
    torch.testing.assert_close(first, second)
    np.testing.assert_allclose(first.embedding, values, rtol=1e-6)
    assert first.y.tolist() == list(range(6))
    assert first.ids.tolist() == list(range(50, 56))


def test_bad_files_are_named(tmp_path, values):
    def write(name, array):
        np.save(tmp_path / name, array)
        return tmp_path / name

    good, ragged = write("good.npy", values), tmp_path / "ragged.parquet"
    pd.DataFrame({"embedding": [[1.0], [1.0, 2.0]]}).to_parquet(ragged)
    (tmp_path / "t.txt").write_text("1 2")
    (tmp_path / "half.npy").write_bytes(good.read_bytes()[:140])
    (tmp_path / "half.parquet").write_bytes(ragged.read_bytes()[:40])
    pickled = write("pickled.npy", np.array([{}], dtype=object))
    words = pd.DataFrame({"a": [1.0], "y": ["cat"]})
    words.to_parquet(tmp_path / "cat.parquet")
    for error, path, labels, text in [
        (FileNotFoundError, tmp_path / "no.npy", None, "no.npy: no such file"),
        (ValueError, tmp_path / "t.txt", None, r"t.txt: embeddings must be a .npy or .parquet file, got '.txt'"),
        (DamagedFileError, tmp_path / "half.npy", None, "half.npy: cannot be read"),
        (DamagedFileError, tmp_path / "half.parquet", None, "half.parquet: cannot be read"),
        (DamagedFileError, pickled, None, "pickled.npy: cannot be read"),
        (ValueError, ragged, None, "ragged.parquet: embeddings must all have one length, got 1 to 2"),
        (ValueError, write("flat.npy", values[0]), None, r"flat.npy: embeddings must have shape \(n, d\), got \(3,\)"),
        (ValueError, write("words.npy", np.array(["a"])), None, "words.npy: embeddings must be numbers"),
        (ValueError, tmp_path / "cat.parquet", None, "cat.parquet: y must be whole numbers"),
        (ValueError, good, write("few.npy", np.arange(2)), "few.npy: 6 embeddings need as many labels, got 2"),
        (ValueError, good, write("half_y.npy", np.arange(6) / 2), "half_y.npy: labels must be whole numbers"),
    ]:
        with pytest.raises(error, match=text):
            read_embeddings(path, labels)


def test_the_one_column_of_lists_is_the_embedding_whatever_its_name(tmp_path, values):
    for name in ("vector", "embeddings"):
        frame = pd.DataFrame({name: list(values), "width": 28, "height": 28, "label": range(6), "prediction": 1})
        frame.to_parquet(tmp_path / "e.parquet")
        found = read_embeddings(tmp_path / "e.parquet")
        np.testing.assert_allclose(found.embedding, values, rtol=1e-6)
        assert found.y.tolist() == list(range(6))


def test_known_columns_are_no_features(tmp_path, values):
    known = {"prediction": 1, "confidence": 0.9, "Width": 28, "target": 3, "split": "test", "y": range(6)}
    pd.DataFrame(values, columns=["f_0", "f_1", "f_2"]).assign(**known).to_parquet(tmp_path / "e.parquet")
    np.testing.assert_allclose(read_embeddings(tmp_path / "e.parquet").embedding, values, rtol=1e-6)


def test_an_unclear_choice_is_asked_for(tmp_path, values):
    file = tmp_path / "e.parquet"
    two = pd.DataFrame({"clean": list(values), "attacked": list(values + 1)})
    for frame, said in [
        (two, r"several columns hold lists: clean, attacked; name the embedding with columns=\[...\]"),
        (pd.DataFrame({"f0": [1.0], "angle": [2.0]}), "it is not clear which columns are the embedding: f0, angle"),
        (pd.DataFrame({"width": [28], "name": ["a"]}), "no column holds an embedding; it has width, name"),
        (pd.DataFrame({"v": [[1.0], None]}), "1 of 2 rows have no vector in 'v', the first is row 1"),
        (pd.DataFrame({"f0": [1.0, None]}), "numbers are missing in f0, the first in row 1"),
        (pd.DataFrame({"v": [["a"], ["b"]]}), "'v' must hold lists of numbers"),
    ]:
        frame.to_parquet(file)
        with pytest.raises(ValueError, match=said):
            read_embeddings(file)
    two.to_parquet(file)
    np.testing.assert_allclose(read_embeddings(file, columns=["attacked"]).embedding, values + 1, rtol=1e-6)
    with pytest.raises(ValueError, match="columns must be one column of lists or several of numbers, got clean, zzz"):
        read_embeddings(file, columns=["clean", "zzz"])
    pd.DataFrame({"f0": [1.0], "angle": [2.0], "width": [3]}).to_parquet(file)
    assert read_embeddings(file, columns=["angle", "width"]).embedding.tolist() == [[2.0, 3.0]]

import faiss
import numpy as np
import pytest
import torch

from tla.distances import DISTANCES
from tla.nearest import nearest
from tla.retrieval import GalleryIndex, load, save
from tla.store import DamagedFileError


def cloud(seed, n, d=9, relu=False):
    values = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return values.relu() if relu else values


def labels(n):
    return torch.arange(n) % 4


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize(("n", "m", "k"), [(1, 1, 1), (3, 50, 7), (8, 300, 300), (8, 300, 290)])
def test_exact_search_is_the_torch_twin(name, relu, n, m, k):
    gallery, queries = cloud(0, m, relu=relu), cloud(1, n, relu=relu)
    index = GalleryIndex.build(gallery, labels(m), distance=name)
    found, twin = index.search(queries, k), nearest(queries, gallery, k, name)
    assert index.exact
    torch.testing.assert_close(found.distance, twin.distance, rtol=1e-5, atol=1e-6)
    assert (found.position == twin.position).float().mean() > 0.99
    assert torch.equal(found.y, labels(m)[found.position])


def test_without_faiss_torch_gives_the_same_answer(monkeypatch):
    gallery, queries = cloud(0, 200), cloud(1, 20)
    found = GalleryIndex.build(gallery, labels(200)).search(queries, 5)
    monkeypatch.setattr("tla.retrieval.gallery.find_spec", lambda name: None)
    index = GalleryIndex.build(gallery, labels(200))
    assert index.engine is None
    torch.testing.assert_close(index.search(queries, 5), found)


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("copies", [5, 300])
def test_of_equal_vectors_the_first_wins(name, copies):
    kinds = cloud(2, 3, 33).abs() + 0.1
    index = GalleryIndex.build(kinds.repeat(copies, 1), torch.zeros(3 * copies, dtype=torch.long), distance=name)
    found = index.search(kinds + 1e-3, 4)
    assert torch.equal(found.position, torch.arange(3)[:, None] + 3 * torch.arange(4))


def test_ties_do_not_depend_on_the_batch():
    gallery = cloud(3, 100, 16).repeat(20, 1)
    index = GalleryIndex.build(gallery, torch.zeros(2000, dtype=torch.long))
    queries = cloud(4, 40, 16)
    whole = index.search(queries, 30)
    single = [index.search(query[None], 30).position for query in queries]
    assert torch.equal(whole.position, torch.cat(single))


def test_the_opposite_direction_is_near_for_the_absolute_cosine():
    gallery = torch.tensor([[0.0, 1.0], [-3.0, 0.1], [1.0, 1.0]])
    queries = torch.tensor([[1.0, 0.0]])
    y = torch.arange(3)
    assert GalleryIndex.build(gallery, y).search(queries, 3).position.tolist() == [[1, 2, 0]]
    assert GalleryIndex.build(gallery, y, distance="cosine").search(queries, 3).position.tolist() == [[2, 0, 1]]


def test_ids_and_leaving_out_the_query():
    gallery = cloud(5, 60)
    ids = torch.randperm(1000, generator=torch.Generator().manual_seed(0))[:60]
    index = GalleryIndex.build(gallery, labels(60), ids)
    assert (index.search(gallery, 1).id[:, 0] == ids).all()
    found = index.search(gallery, 59, without=ids)
    assert (found.id != ids[:, None]).all()
    twin = nearest(gallery, gallery, 59, without=torch.arange(60))
    torch.testing.assert_close(found.distance, twin.distance, rtol=1e-5, atol=1e-6)
    assert torch.equal(index.search(gallery, 3, without=ids + 5000).id, index.search(gallery, 3).id)


def test_no_queries_no_neighbours():
    index = GalleryIndex.build(cloud(0, 5), labels(5))
    assert all(part.shape == (0, 2) for part in index.search(cloud(0, 0), 2))


def test_the_given_embeddings_are_not_changed():
    gallery, queries = cloud(0, 30), cloud(1, 3)
    before = gallery.clone(), queries.clone()
    for name in DISTANCES:
        GalleryIndex.build(gallery, labels(30), distance=name).search(queries, 3)
    assert torch.equal(gallery, before[0])
    assert torch.equal(queries, before[1])


@pytest.fixture(scope="module")
def clustered():
    centres = 5 * cloud(6, 20, 15)
    gallery = (centres.repeat(150, 1) + cloud(7, 3000, 15)).relu()
    return gallery, (centres.repeat(5, 1) + cloud(8, 100, 15)).relu()


@pytest.mark.parametrize("name", DISTANCES)
def test_approximate_search_finds_nearly_all(clustered, name):
    gallery, queries = clustered
    index = GalleryIndex.build(gallery, labels(3000), distance=name, kind="approximate")
    assert not index.exact
    found, twin = index.search(queries, 10), nearest(queries, gallery, 10, name)
    hits = (found.position[:, :, None] == twin.position[:, None]).any(2)
    assert hits.float().mean() > 0.95
    same = found.position == twin.position
    torch.testing.assert_close(found.distance[same], twin.distance[same], rtol=1e-5, atol=1e-6)
    again = GalleryIndex.build(gallery, labels(3000), distance=name, kind="approximate").search(queries, 10)
    assert torch.equal(found.position, again.position)


def test_more_probes_find_more(clustered):
    gallery, queries = clustered
    far = [
        float(
            GalleryIndex.build(gallery, labels(3000), kind="approximate", probes=p).search(queries, 50).distance.sum()
        )
        for p in (2, 64)
    ]
    assert far[1] <= far[0]


def test_an_approximate_index_may_find_fewer_than_asked(clustered):
    gallery, queries = clustered
    index = GalleryIndex.build(gallery, labels(3000), kind="approximate", probes=1)
    found = index.search(queries, 600)
    missing = found.position == -1
    assert missing.any()
    assert found.distance[missing].isinf().all()
    assert (found.id[missing] == -1).all()


@pytest.mark.parametrize("kind", ["exact", "approximate"])
@pytest.mark.parametrize("name", DISTANCES)
def test_a_saved_and_loaded_index_answers_the_same(clustered, tmp_path, kind, name):
    gallery, queries = clustered
    ids = torch.arange(3000) * 3
    index = GalleryIndex.build(gallery, labels(3000), ids, distance=name, kind=kind, probes=3)
    files = save(index, tmp_path / "index" / "at-seed0.faiss")
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == ["at-seed0.faiss", "at-seed0.safetensors"]
    again = load(files.faiss)
    torch.testing.assert_close(again.search(queries, 7), index.search(queries, 7), rtol=0, atol=0)
    assert again.distance == name
    assert again.exact == index.exact
    plain = faiss.read_index(str(files.faiss))
    assert plain.ntotal == 3000


def test_damaged_and_missing_files_are_named(tmp_path, clustered):
    path = tmp_path / "g.faiss"
    with pytest.raises(FileNotFoundError, match=r"g.faiss: no such file; rebuild the index"):
        load(path)
    small, large = (GalleryIndex.build(cloud(0, m), labels(m)) for m in (20, 30))
    save(small, path)
    other = save(large, tmp_path / "h.faiss")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedFileError, match=r"g.faiss: cannot be read .*delete it and rebuild it"):
        load(path)
    path.write_bytes(other.faiss.read_bytes())
    with pytest.raises(DamagedFileError, match=r"g.faiss: cannot be read \(the checksum does not match\)"):
        load(path)
    for file in save(large, path):
        content = bytearray(file.read_bytes())
        content[-5] ^= 1  # one bit of a vector
        file.write_bytes(content)
        with pytest.raises(DamagedFileError, match="the checksum does not match"):
            load(path)


def test_bad_input_is_named():
    index = GalleryIndex.build(cloud(0, 5), labels(5))
    nan = cloud(0, 5)
    nan[3, 0] = torch.nan
    build = GalleryIndex.build
    for call, text in [
        (lambda: index.search(cloud(0, 2), 6), r"k must lie between 1 and 5 \(the gallery has 5 vectors\), got 6"),
        (lambda: index.search(cloud(0, 2), 5, without=torch.arange(2)), "k must lie between 1 and 4"),
        (lambda: index.search(cloud(0, 2, 4), 2), "queries must have the gallery's length 9, got 4"),
        (lambda: index.search(nan, 2), "queries must be finite, got NaN or infinity"),
        (lambda: build(nan, labels(5)), "embedding must be finite, got 1 of 5 rows with NaN or infinity"),
        (lambda: build(cloud(0, 0), labels(0)), "embedding must hold at least one vector, got none"),
        (lambda: build(cloud(0, 5), labels(4)), r"y must have one entry per embedding \(5\), got 4"),
        (lambda: build(cloud(0, 5), labels(5), labels(5)), "ids must be unique, got 1 repeated"),
        (lambda: build(cloud(0, 5), labels(5), kind="approximate"), "needs at least 1000 vectors, got 5; use 'exact'"),
    ]:
        with pytest.raises(ValueError, match=text):
            call()


def test_raw_faiss_agrees():
    gallery, queries = cloud(0, 500, 32, relu=True), cloud(1, 50, 32, relu=True)
    raw = faiss.IndexFlatIP(32)
    raw.add(torch.nn.functional.normalize(gallery).numpy())
    similarity, place = raw.search(torch.nn.functional.normalize(queries).numpy(), 10)
    found = GalleryIndex.build(gallery, labels(500)).search(queries, 10)
    assert (found.position.numpy() == place).mean() > 0.99
    np.testing.assert_allclose(found.distance, 1 - similarity, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.parametrize("name", DISTANCES)
def test_gpu_search_is_the_torch_twin(name):
    if not faiss.get_num_gpus():
        pytest.skip("this FAISS sees no GPU")
    gallery, queries = cloud(0, 2000), cloud(1, 100).cuda()
    found = GalleryIndex.build(gallery, labels(2000), distance=name).search(queries, 10)
    twin = nearest(queries.cpu(), gallery, 10, name)
    assert found.position.device == queries.device
    assert (found.position.cpu() == twin.position).float().mean() > 0.99

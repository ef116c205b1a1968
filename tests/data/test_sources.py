"""The contract of every source; the published data sets in small copies of their original files."""

import hashlib
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from own_data import write_arrays, write_table
from pictures import picture, pixels_of
from source_contract import check_source

from tla.data import SOURCES, data_root
from tla.data.cifar10 import CIFAR10
from tla.data.digits import Digits
from tla.data.mnist import MNIST
from tla.data.tiny_imagenet import TinyImageNet
from tla.study.locate import shipped_studies

pytestmark = pytest.mark.usefixtures("no_data")
TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@pytest.fixture
def offline(monkeypatch):
    """A download that fails as it does without a network."""
    from torchvision.datasets import CIFAR10 as Pictures
    from torchvision.datasets import MNIST as Figures

    def refuse(self) -> None:
        raise OSError("<urlopen error [Errno -3] Temporary failure in name resolution>")

    monkeypatch.setattr(Figures, "download", refuse)
    monkeypatch.setattr(Pictures, "download", refuse)


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    raw = tmp_path / "sets" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    source = np.random.default_rng(0)
    for split, n in (("train", 30), ("t10k", 10)):
        pixels = source.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        (raw / f"{split}-images-idx3-ubyte").write_bytes(_idx(pixels))
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(_idx((np.arange(n) % 10).astype(np.uint8)))
    return tmp_path / "sets"


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    train, test = Digits().load()
    assert (len(train), len(test), train.shape) == (1297, 500, (1, 8, 8))
    pixels = {row.tobytes() for row in np.rint(load_digits().images * 255 / 16).astype(np.uint8)}
    assert all(image.numpy().tobytes() in pixels for images in (train, test) for image in images.pixels)
    assert torch.bincount(test.labels).min() >= 48
    assert torch.equal(Digits().load().test.pixels, test.pixels)
    with pytest.raises(ValueError, match=r"digits\.test must be between 10 and 1700, got 5"):
        Digits(test=5)


@pytest.mark.parametrize("name", [name for name in SOURCES.names() if not SOURCES.get(name).downloaded])
def test_every_source_that_needs_no_download_keeps_its_contract(name, make_folder):
    folder = make_folder({"cat": 5, "dog": 4})
    own = {"csv": "own.csv", "npz": "own.npz", "python": "own.py"}
    if name in own:
        write_table(folder, folder / "own.csv")
        write_arrays(folder / "own.npz")
        (folder / "own.py").write_text(
            f"import numpy\n\n\ndef make():\n    found = numpy.load({str(folder / 'own.npz')!r})\n"
            "    return found['x'], found['y']\n"
        )
    check_source(name, shipped_studies() / "digits" if name == "study" else folder / own.get(name, ""))


@pytest.mark.parametrize(
    ("name", "files", "root"), [("mnist", "mnist", "."), ("cifar10", "batches", ".."), ("tiny-imagenet", "tiny", "..")]
)
def test_published_sources_keep_the_contract_on_small_files(name, files, root, request):
    check_source(name, (request.getfixturevalue(files) / root).resolve())


def test_digits_and_mnist_are_read_without_the_packages_that_they_come_from(mnist):
    code = "import sys; from pathlib import Path; from tla.data import load_source; load_source('digits').load(); "
    code += f"load_source('mnist').load(Path({str(mnist)!r})); print({{'sklearn', 'torchvision'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


@pytest.mark.parametrize("how", ["root", "TLA_DATA", "cache"])
def test_mnist_is_found_in_three_folders(mnist, how, monkeypatch, tmp_path):
    from torchvision.datasets import MNIST as Torchvision

    if how == "TLA_DATA":
        monkeypatch.setenv("TLA_DATA", str(mnist))
    if how == "cache":
        home = Path.home() / ".cache" / "tla"
        home.parent.mkdir(exist_ok=True)
        home.symlink_to(mnist)
    train, test = MNIST().load(mnist if how == "root" else tmp_path / "empty")
    assert (len(train), len(test), train.shape) == (30, 10, (1, 28, 28))
    for images, train_ in ((train, True), (test, False)):
        theirs = Torchvision(str(mnist), train=train_)
        assert torch.equal(images.pixels[:, 0], theirs.data)
        assert torch.equal(images.labels, theirs.targets)
    assert test.labels.tolist() == list(range(10))
    assert (test.split, test.name, test.classes) == ("test", "mnist", tuple("0123456789"))


def test_data_root_prefers_the_named_folder(monkeypatch, tmp_path):
    assert data_root() == Path.home() / ".cache" / "tla"
    monkeypatch.setenv("TLA_DATA", str(tmp_path / "named"))
    assert data_root() == tmp_path / "named"
    assert data_root(tmp_path / "given") == tmp_path / "given"


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("source", "names", "how"),
    [
        (
            MNIST(),
            ["MNIST/raw"],
            "put torchvision's files (train-images-idx3-ubyte and the other three) into MNIST/raw",
        ),
        (CIFAR10(), ["cifar-10-batches-py", "cifar10"], "or class folders cifar10/train/CLASS/*.png"),
        (TinyImageNet(), ["tiny-imagenet-200"], "Get tiny-imagenet-200.zip"),
    ],
)
def test_missing_data_says_where_it_was_searched_and_how_to_get_it(source, names, how, tmp_path, monkeypatch):
    monkeypatch.setenv("TLA_DATA", str(tmp_path / "named"))
    with pytest.raises(FileNotFoundError) as caught:
        source.load(tmp_path / "given")
    text = str(caught.value)
    searched = [
        str(base / name)
        for base in (tmp_path / "given", tmp_path / "named", Path.home() / ".cache/tla")
        for name in names
    ]
    assert text.startswith(f"{SOURCES.name_of(source)} was not found: searched {', '.join(searched)}")
    assert how in text
    assert "name that folder with --data or TLA_DATA" in text
    if not isinstance(source, TinyImageNet):
        assert "; the download failed (<urlopen error [Errno -3] Temporary failure in name resolution>)." in text


def test_a_download_goes_to_the_named_folder_and_has_a_timeout(mnist, monkeypatch, tmp_path):
    import socket

    from torchvision.datasets import MNIST as Figures

    asked = []

    def fetch(self) -> None:
        asked.append((self.root, socket.getdefaulttimeout()))
        Path(self.root).mkdir()
        (Path(self.root) / "MNIST").symlink_to(mnist / "MNIST")

    monkeypatch.setattr(Figures, "download", fetch)
    assert len(MNIST().load(tmp_path / "new").train) == 30
    assert asked == [(str(tmp_path / "new"), 30.0)]
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("damage", ["cut", "text", "other", "empty"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_damaged_mnist_file_is_named(mnist, name, damage):
    file = mnist / "MNIST" / "raw" / name
    if damage == "other":
        file.write_bytes(_idx(np.zeros((3, 28, 28) if "images" in name else 3, dtype=np.uint8)))
    else:
        whole = file.read_bytes()
        file.write_bytes({"cut": whole[:-7], "text": b"<html>not found</html>", "empty": b""}[damage])
    with pytest.raises(ValueError) as caught:
        MNIST().load(mnist)
    assert name in str(caught.value)
    assert "damaged" in str(caught.value)


@pytest.fixture
def batches(tmp_path: Path, monkeypatch) -> Path:
    """CIFAR-10 in torchvision's format, 4 images per file, with their checksums."""
    from torchvision.datasets import CIFAR10 as Pictures

    folder = tmp_path / "sets" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    source = np.random.default_rng(0)

    def write(name: str, content: dict) -> tuple[str, str]:
        (folder / name).write_bytes(pickle.dumps(content))
        return name, hashlib.md5((folder / name).read_bytes()).hexdigest()

    def batch(first: int) -> dict:
        return {"data": source.integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [first % 10, 1, 2, 3]}

    monkeypatch.setattr(Pictures, "train_list", [list(write(f"data_batch_{k}", batch(k))) for k in range(1, 6)])
    monkeypatch.setattr(Pictures, "test_list", [list(write("test_batch", batch(9)))])
    name, md5 = write("batches.meta", {"label_names": TEN})
    monkeypatch.setattr(Pictures, "meta", {"filename": name, "key": "label_names", "md5": md5})
    return folder


def test_cifar10_from_torchvisions_files(batches):
    train, test = CIFAR10().load(batches.parent)
    assert (len(train), len(test), train.shape) == (20, 4, (3, 32, 32))
    assert train.classes == tuple(TEN)
    assert train.labels[:5].tolist() == [1, 1, 2, 3, 2]
    row = np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8)[1]
    assert np.array_equal(train.pixels[1].numpy(), row.reshape(3, 32, 32))


def test_a_foreign_cifar10_file_is_not_opened(batches):
    class Trap:
        def __reduce__(self):
            return Path.touch, (batches / "sprung",)

    (batches / "data_batch_3").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"cifar-10-batches-py: damaged \(a checksum differs\); delete the folder"):
        CIFAR10().load(batches.parent)
    assert not (batches / "sprung").exists()


def test_cifar10_from_class_folders(tmp_path):
    for split, n in (("train", 2), ("test", 1)):
        for k, name in enumerate(TEN):
            folder = tmp_path / "cifar10" / split / name
            folder.mkdir(parents=True)
            for i in range(n):
                picture(10 * k + i, (32, 32)).save(folder / f"{i:05d}.png")
    train, test = CIFAR10().load(tmp_path)
    assert (len(train), len(test), train.shape, train.name) == (20, 10, (3, 32, 32), "cifar10")
    assert train.labels.tolist() == [*range(10), *range(10)]
    assert torch.equal(test.pixels[3], pixels_of(tmp_path / "cifar10/test/cat/00000.png"))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Three classes in the official layout, two with the same name."""
    folder = tmp_path / "tiny-imagenet-200"
    (folder / "val" / "images").mkdir(parents=True)
    ids = ["n03", "n01", "n02"]
    (folder / "wnids.txt").write_text("\n".join(ids) + "\n")
    (folder / "words.txt").write_text("n01\tcrane\nn02\tcrane, bird\nn03\tapple, fruit\nn99\tother\n")
    for k, wnid in enumerate(ids):
        (folder / "train" / wnid / "images").mkdir(parents=True)
        (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t0\t63\t63\n")
        for i in range(2):
            grey = "L" if (k, i) == (0, 0) else "RGB"
            picture(10 * k + i, (64, 64), grey).save(folder / "train" / wnid / "images" / f"{wnid}_{i}.JPEG")
    rows = []
    for i, wnid in enumerate(["n01", "n01", "n03"]):
        picture(100 + i, (64, 64)).save(folder / "val" / "images" / f"val_{i}.JPEG")
        rows.append(f"val_{i}.JPEG\t{wnid}\t0\t0\t62\t62")
    (folder / "val" / "val_annotations.txt").write_text("\n".join(rows) + "\n")
    return folder


def test_tiny_imagenet_in_its_official_layout(tiny):
    train, test = TinyImageNet().load(tiny.parent)
    assert train.classes == ("apple", "crane (n01)", "crane (n02)")
    assert train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert (train.shape, test.split) == ((3, 64, 64), "test")
    assert torch.equal(train.pixels[4], pixels_of(tiny / "train/n01/images/n01_1.JPEG"))
    assert torch.equal(train.pixels[0], pixels_of(tiny / "train/n03/images/n03_0.JPEG"))
    assert sorted(test.labels.tolist()) == [0, 1, 1]
    apple = test.pixels[test.labels == 0][0]
    assert torch.equal(apple, pixels_of(tiny / "val/images/val_2.JPEG"))


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        (
            "val/val_annotations.txt",
            "val_0.JPEG\tn11\n",
            "val_annotations.txt: unknown class 'n11'; did you mean 'n01'?",
        ),
        (
            "val/val_annotations.txt",
            "val_0.JPEG n01\n",
            "val_annotations.txt: line 1 must have 2 tab-separated",
        ),
        ("val/val_annotations.txt", None, "val_annotations.txt: cannot be read ([Errno 2]"),
        ("words.txt", None, "words.txt: cannot be read"),
        ("wnids.txt", "n01\nn02\nn03\nn04\n", "n04/images contains no pictures"),
        ("train/n01/images/n01_0.JPEG", "x", "cannot read as pictures: "),
        ("val/images/val_1.JPEG", None, "val_1.JPEG ([Errno 2] No such file"),
    ],
)
def test_a_damaged_tiny_imagenet_is_named(tiny, file, content, text):
    (tiny / file).unlink() if content is None else (tiny / file).write_text(content)
    with pytest.raises(ValueError) as caught:
        TinyImageNet().load(tiny.parent)
    assert text in str(caught.value)

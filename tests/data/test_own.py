"""Data of one's own: split folders by their names, tables, arrays, functions, torchvision's sets, test images alone."""

import csv
import sys

import numpy as np
import pytest
import torch
from own_data import arrays, write_arrays, write_table
from pictures import pixels_of

from tla.data import Images, Splits, load_source
from tla.data.csv import CSV
from tla.data.folder import Folder
from tla.data.npz import NPZ
from tla.data.python import PythonData
from tla.data.torchvision import TorchvisionData

TWO = {"cat": 3, "dog": 2}


def refused(source, text, whole=False):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        source.load_whole() if whole else source.load()
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("train", "test"), [("Training", "Testing"), ("train", "testing"), ("TRAIN", "Val"), ("Train", "evaluation")]
)
def test_splits_by_their_names(make_folder, train, test):
    make_folder(TWO, below=train)
    found = Folder(path=str(make_folder({"cat": 1, "dog": 1}, below=test))).load()
    assert [len(images) for images in found] == [5, 2]
    assert found.train.classes == ("cat", "dog")
    assert not found.shared


@pytest.mark.parametrize("test", ["test1", "test_set", "Test data", "testing-2", "dev"])
def test_a_folder_like_a_split_is_refused(make_folder, test):
    make_folder(TWO, below="train")
    folder = make_folder(TWO, below=test)
    refused(
        Folder(path=str(folder)),
        f"{folder}: {test} looks like a split, not a class, and the test folder must be called",
    )
    refused(
        Folder(path=str(folder)), "list the files in a table (csv:FILE), or set splits=false if the names are classes"
    )
    assert Folder(path=str(folder), splits=False).load().train.classes == tuple(sorted((test, "train")))


def test_flat_splits_are_not_classes(make_folder):
    folder = make_folder({"train": 3, "test1": 3})
    refused(
        Folder(path=str(folder)),
        "test1 and train look like splits, not classes, and train must hold one folder per class",
    )
    make_folder({"cat": 2, "dog": 2}, below="test")
    refused(Folder(path=str(folder)), "test, test1 and train look like splits")


def test_a_flat_test_folder_has_no_classes(make_folder):
    make_folder(TWO, below="train")
    folder = make_folder({"test": 4})
    refused(Folder(path=str(folder)), "test looks like a split, not a class, and it holds no class folders")


def test_two_folders_for_one_split(make_folder):
    make_folder(TWO, below="Test")
    refused(
        Folder(path=str(make_folder(TWO, below="test"))), "Test and test look like splits, not classes, and only one"
    )
    make_folder(TWO, below="train")
    make_folder(TWO, below="training")


def test_what_is_left_out_is_said(make_folder):
    for split in ("train", "test", "val", "extra"):
        folder = make_folder(TWO, below=split)
    (folder / "__MACOSX").mkdir()
    assert Folder(path=str(folder)).load().test.notes == ("left out: val and extra",)


def test_a_folder_in_a_folder(make_folder):
    folder = make_folder(TWO, below="inner")
    refused(
        Folder(path=str(folder)),
        f"got only 'inner'; if the classes are inside that one, name it: folder:{folder}/inner",
    )


def test_files_of_other_programs_are_left_out(make_folder):
    folder = make_folder(TWO)
    (folder / "cat" / "Thumbs.db").write_bytes(b"x")
    (folder / "dog" / "desktop.ini").write_bytes(b"x")
    assert len(Folder(path=str(folder)).load_whole().test) == 5


def test_all_pictures_are_test_images_where_nothing_is_trained(make_folder):
    folder = make_folder({"cat": 10, "dog": 5})
    held_out = Folder(path=str(folder)).load()
    assert [len(images) for images in held_out] == [12, 3]
    assert held_out.test.notes == ("no test split: 20% of each class are held out as test images",)
    whole = Folder(path=str(folder)).load_whole()
    assert whole.shared
    assert [len(images) for images in whole] == [15, 15]
    assert whole.train.split == whole.test.split == "test"
    assert torch.equal(whole.train.ids, whole.test.ids)
    assert whole.test.notes == ("no test split: all images are test images",)


def test_both_splits_stay_where_there_are_two(make_folder):
    make_folder(TWO, below="train")
    source = Folder(path=str(make_folder({"cat": 1}, below="test")))
    for splits in (source.load(), source.load_whole()):
        assert not splits.shared
        assert [len(images) for images in splits] == [5, 1]
        assert splits.test.notes == ("no test images of dog (1 of 2 classes)",)


def test_test_images_alone(make_folder):
    source = Folder(path=str(make_folder({"A": 3, "B": 2, "Z": 1}, below="test")))
    found = source.load_whole()
    assert found.shared
    assert found.test.classes == ("A", "B", "Z")
    assert found.test.labels.tolist() == [0, 1, 2, 0, 1, 0]
    assert found.test.notes == ("there are test images alone",)
    refused(source, "pets: there are only test images, and a study that trains needs others; give it a model")


def test_an_empty_class_folder_keeps_its_place(make_folder):
    folder = make_folder(TWO)
    (folder / "cow").mkdir()
    found = Folder(path=str(folder)).load_whole().test
    assert found.classes == ("cat", "cow", "dog")
    assert set(found.labels.tolist()) == {0, 2}
    assert "no test images of cow (1 of 3 classes)" in found.notes
    refused(Folder(path=str(folder)), f"{folder}/cow contains no pictures; remove it, or put some into it")


def test_no_picture_at_all(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
    refused(Folder(path=str(tmp_path)), f"{tmp_path} contains no pictures", whole=True)


def test_the_models_order_of_classes(make_folder):
    folder = make_folder(TWO)
    (folder / "names.txt").write_text("eel\ndog\n\ncat\n")
    found = Folder(path=str(folder), classes="names.txt").load_whole().test
    assert found.classes == ("eel", "dog", "cat")
    assert torch.bincount(found.labels).tolist() == [0, 2, 3]
    refused(Folder(path=str(folder), classes="names.txt"), "class 'eel' must have at least two images")
    (folder / "names.txt").write_text("eel\ndog\n")
    refused(
        Folder(path=str(folder), classes="names.txt"), "has classes that are not among the 2 known ones (eel, dog): cat"
    )
    (folder / "names.txt").write_text("eel\neel\n")
    refused(Folder(path=str(folder), classes="names.txt"), "class names must be different, got 'eel' twice")
    (folder / "names.txt").write_text("eel\n")
    refused(Folder(path=str(folder), classes="names.txt"), "must name at least two classes, one per line, got 1")


def test_settings_in_the_text(make_folder):
    folder = make_folder(TWO)
    assert load_source(f"folder:{folder}@resize=4,channels=1") == Folder(path=str(folder), resize=4, channels=1)
    assert load_source("folder:a@b/c") == Folder(path="a@b/c")
    assert load_source("csv:a.csv@label=kind") == CSV(path="a.csv", label="kind")
    assert load_source("npz:a.npz") == NPZ(path="a.npz")
    assert load_source("torchvision:SVHN") == TorchvisionData(dataset="SVHN")
    for text in ("python:mypkg.data:make", "mypkg.data:make"):
        assert load_source(text) == PythonData(function="mypkg.data:make")
    with pytest.raises(ValueError, match=r"data set 'folder'.resze: unknown key for Folder; did you mean 'resize'"):
        load_source(f"folder:{folder}@resze=4")
    write_arrays(folder / "own.npz")
    with pytest.raises(ValueError, match=r"for the file of that name write npz:.*own\.npz"):
        load_source(str(folder / "own.npz"))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"crop": 2}, "folder.crop must be >= 4 pixels, got 2"),
        ({"resize": 8, "crop": 9}, "folder.crop must be <= resize = 8, got 9"),
        ({"depth": 7}, "folder.depth must be between 8 and 32 bits, got 7"),
        ({"most_pixels": 0}, "folder.most_pixels must be >= 1, got 0"),
    ],
)
def test_invalid_settings(settings, text):
    with pytest.raises(ValueError, match=text):
        Folder(path="x", **settings)


def test_a_table(make_folder):
    folder = make_folder({"cat": 6, "dog": 5})
    write_table(folder, folder / "own.csv")
    table, plain = CSV(path=str(folder / "own.csv")).load_whole(), Folder(path=str(folder)).load_whole()
    assert table.test.classes == plain.test.classes
    assert torch.equal(table.test.pixels, plain.test.pixels)
    assert torch.equal(table.test.labels, plain.test.labels)
    assert [len(images) for images in CSV(path=str(folder / "own.csv")).load()] == [9, 2]
    assert table.test.name == "own"


def test_a_table_with_splits(make_folder, tmp_path):
    folder = make_folder({"cat": 6, "dog": 5})
    write_table(folder, folder / "own.csv", split=True)
    found = CSV(path="own.csv").load(folder)
    assert [len(images) for images in found] == [9, 2]
    assert torch.equal(found.test.pixels[1], pixels_of(folder / "dog" / "000.png"))
    text = (folder / "own.csv").read_text().replace(",train", ";Training").replace(",test", ";VAL").replace(",", ";")
    text = text.replace("file;label;split", "Image;Kind;fold").replace(
        "cat/001.png;cat;Training", "cat/001.png;cat;test"
    )
    (tmp_path / "other.csv").write_text("\ufeff" + text)
    again = CSV(path=str(tmp_path / "other.csv"), folder="pets", label="Kind").load_whole()
    assert [len(images) for images in again] == [8, 1]
    assert again.test.notes[0] == "left out: val"


def rows(file, *lines):
    with file.open("w", newline="") as text:
        csv.writer(text).writerows(lines)
    return CSV(path=str(file))


def test_labels_that_are_numbers_are_indices(make_folder):
    folder = make_folder(TWO)
    files = [f"cat/00{i}.png" for i in range(3)]
    source = rows(folder / "own.csv", ("file", "y"), *zip(files, (3, 1, 3), strict=True))
    found = source.load_whole().test
    assert found.classes == ("0", "1", "2", "3")
    assert found.labels.tolist() == [1, 3, 3]
    assert "no test images of 0, 2 (2 of 4 classes)" in found.notes
    (folder / "names.txt").write_text("a\nb\nc\nd\ne\n")
    named = CSV(path=source.path, classes="names.txt").load_whole().test
    assert (named.classes[3], named.labels.tolist()) == ("d", [1, 3, 3])
    (folder / "names.txt").write_text("a\nb\nc\n")
    refused(
        CSV(path=source.path, classes="names.txt"), "has the class 3, but names.txt names only 3, from 0", whole=True
    )


def test_tables_that_cannot_be_read(make_folder):
    folder = make_folder(TWO)
    file, one = folder / "own.csv", ("cat/000.png", "cat")
    refused(
        rows(file, ("picture", "label"), one),
        "the first line must name the columns, one of them 'file' (or set file=NAME)",
    )
    refused(rows(file, one, one), "got cat/000.png, cat")
    refused(CSV(path=str(file), file="pic"), "has no column 'pic'")
    head = ("file", "label", "split")
    refused(rows(file, head), "lists no pictures")
    refused(rows(file, head, ("cat/000.png", "", "train")), "line 2 has no label")
    refused(rows(file, head, (*one, "train"), (*one, "test")), "cat/000.png twice; an image must be in one split, once")
    refused(rows(file, head, (*one, "unused")), "line 2: split must be one of train, training, test")
    refused(rows(file, head, ("cow.png", "cat", "train")), "1 of 1 files do not exist, the first is")
    refused(rows(file, head, (*one, "train")), "must list at least two classes, got only cat")
    refused(CSV(path="nowhere.csv"), "nowhere.csv does not exist: name a CSV file")


@pytest.mark.parametrize("kind", ["bytes", "floats", "nhwc", "flat"])
def test_arrays_of_every_layout(tmp_path, kind):
    x, y = arrays(shape=(5, 6) if kind == "flat" else (3, 5, 6))
    stored = {"floats": (x / 255).astype(np.float32), "nhwc": np.moveaxis(x, 1, -1)}.get(kind, x)
    np.savez(tmp_path / "own.npz", x=stored, y=y[:, None] if kind == "bytes" else y)
    found = NPZ(path=str(tmp_path / "own.npz")).load_whole().test
    assert np.array_equal(found.pixels, x.reshape(20, -1, 5, 6))
    assert found.labels.tolist() == y.tolist()
    assert found.classes == ("0", "1")
    assert found.name == "own"


def test_arrays_of_two_splits(tmp_path):
    x, y = arrays(30)
    np.savez(
        tmp_path / "own.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:] + 1, classes=["a", "b", "c"]
    )
    train, test = NPZ(path=str(tmp_path / "own.npz")).load_whole()
    assert train.classes == test.classes == ("a", "b", "c")
    assert np.array_equal(test.pixels, x[20:])
    refused(NPZ(path=str(tmp_path / "own.npz")), "training needs images of every class, got none of c (1 of 3 classes)")
    np.savez(tmp_path / "own.npz", train_images=x[:20], train_labels=y[:20], val_images=x[20:], val_labels=y[20:])
    assert [len(images) for images in NPZ(path=str(tmp_path / "own.npz")).load()] == [20, 10]
    np.savez(tmp_path / "own.npz", x_test=x, y_test=y)
    assert NPZ(path=str(tmp_path / "own.npz")).load_whole().shared
    refused(NPZ(path=str(tmp_path / "own.npz")), "own: there are only test images")


def test_channels_and_layout_of_arrays(tmp_path):
    from PIL import Image

    x, y = arrays(shape=(3, 4, 3))
    np.savez(tmp_path / "own.npz", x=x, y=y)
    grey = NPZ(path=str(tmp_path / "own.npz"), channels=1).load_whole().test.pixels
    expected = [np.asarray(Image.fromarray(one.transpose(1, 2, 0)).convert("L")) for one in x]
    assert np.array_equal(grey[:, 0], expected)
    other = NPZ(path=str(tmp_path / "own.npz"), layout="nhwc").load_whole().test
    assert np.array_equal(other.pixels, x.transpose(0, 3, 1, 2))
    np.savez(tmp_path / "own.npz", x=x[:, :1], y=y)
    assert NPZ(path=str(tmp_path / "own.npz"), channels=3).load_whole().test.shape == (3, 4, 3)


def test_arrays_that_cannot_be_read(tmp_path):
    x, y = arrays()
    file = tmp_path / "own.npz"
    source = NPZ(path=str(file))
    for content, text in (
        ({"a": x, "b": y}, "must hold x and y, or x_train, y_train, x_test and y_test, got a, b"),
        ({"x": x}, "has x without its labels, y; it has x"),
        ({"x": x.astype(np.float32), "y": y}, "x and y: x must be in 0..1"),
        ({"x": x, "y": y / 3}, "y must be whole numbers"),
        ({"x": x, "y": y[:5]}, "must have the same length, got 20 images and 5 labels"),
        ({"x": x, "y": y - 1}, "class indices >= 0, got -1"),
        ({"x": x[:0], "y": y[:0]}, "n >= 1"),
        ({"x": x[..., :0], "y": y}, "images of at least one pixel, got shape (3, 5, 0)"),
        ({"x": x, "y": np.array([object()] * 20)}, "it holds objects, which are never unpickled"),
        ({"x": x, "y": y, "classes": ["only"]}, "labels must be in 0..0"),
    ):
        np.savez(file, **content)
        refused(source, text, whole=True)
    file.write_bytes(b"no zip")
    refused(source, "own.npz: cannot be read as .npz")
    refused(NPZ(path=str(tmp_path)), "is a folder: name a .npz file")


def test_rounded_floats_are_noted(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "own.npz", x=x.astype(np.float32) / 256, y=y)
    assert "rounded to 8 bits" in NPZ(path=str(tmp_path / "own.npz")).load_whole().test.notes[0]


MODULE = """
import numpy as np
import torch
from PIL import Image
from tla.data import Images, Splits

x = np.random.default_rng(0).integers(0, 256, (12, 3, 5, 6), dtype=np.uint8)
y = np.arange(12) % 3


class Pictures(torch.utils.data.Dataset):
    classes = ["red", "green", "blue"]

    def __init__(self, rows, kind):
        self.rows, self.kind = rows, kind

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, number):
        row = self.rows[number]
        image = {"pil": Image.fromarray(x[row].transpose(1, 2, 0)), "floats": torch.from_numpy(x[row]) / 255,
                 "normal": torch.from_numpy(x[row]) / 100 - 1}[self.kind]
        if self.kind == "floats":
            return {"image": image, "label": int(y[row])}
        return image, torch.tensor(y[row])


def pair(): return x, torch.from_numpy(y)
def pairs(): return (x[:8], y[:8]), (x[8:], y[8:])
def pictures(): return Pictures(range(12), "pil")
def floats(): return Pictures(range(8), "floats"), Pictures(range(8, 12), "floats")
def normal(): return Pictures(range(12), "normal")
def part(split):
    return Images(torch.from_numpy(x), torch.from_numpy(y), ("r", "g", "b"), torch.arange(12), "own", split)
def splits(): return Splits(part("train"), part("test"))
def nothing(): return None
def needs(what): return what
def loader(): return torch.utils.data.DataLoader(Pictures(range(12), "floats"))
def empty(): return Pictures([], "pil")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "own_module.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    yield "own_module"
    sys.modules.pop("own_module", None)


@pytest.mark.parametrize(("function", "counts", "classes"), [
    ("pair", (12,), ("0", "1", "2")), ("pairs", (8, 4), ("0", "1", "2")), ("pictures", (12,), ("red", "green", "blue")),
    ("floats", (8, 4), ("red", "green", "blue")), ("splits", (12, 12), ("r", "g", "b")),
])  # fmt: skip
def test_what_a_function_returns(module, function, counts, classes):
    found = PythonData(function=f"{module}:{function}").load_whole()
    assert tuple(len(images) for images in found)[: len(counts)] == counts
    assert found.shared == (len(counts) == 1)
    assert found.test.classes == classes
    x = np.random.default_rng(0).integers(0, 256, (12, 3, 5, 6), dtype=np.uint8)
    assert np.array_equal(found.test.pixels, x[-len(found.test) :])
    assert found.test.labels.tolist() == (np.arange(12) % 3)[-len(found.test) :].tolist()


def test_pictures_of_a_function_are_brought_to_a_form(module):
    source = PythonData(function=f"{module}:pictures", resize=4, channels=1)
    assert source.load_whole().test.shape == (1, 4, 4)
    assert [len(images) for images in source.load()] == [9, 3]


@pytest.mark.parametrize(("function", "text"), [
    ("normal", "own_module:normal(): x must be in 0..1 (before any normalisation"),
    ("nothing", "own_module:nothing() must return a torch Dataset, a pair (x, y)"),
    ("needs", "own_module:needs must be callable without arguments"),
    ("loader", "got DataLoader"),
    ("empty", "own_module:empty() has no images"),
    ("pear", "own_module has no 'pear'; did you mean 'pa"),
])  # fmt: skip
def test_functions_that_cannot_be_read(module, function, text):
    refused(PythonData(function=f"{module}:{function}"), text, whole=True)


def test_functions_that_are_not_found(module, tmp_path):
    refused(PythonData(function="own_modul:pair"), "no Python module 'own_modul'")
    refused(PythonData(function="other.py:pair"), "no file other.py")
    refused(PythonData(function="pair"), "must be package.module:function or PATH/file.py:function, got 'pair'")
    assert len(PythonData(function=f"{tmp_path}/own_module.py:pair").load_whole().test) == 12


def test_torchvisions_sets_by_name(tmp_path, monkeypatch):
    from torchvision import datasets

    class FashionMNIST(datasets.FakeData):
        def __init__(self, root, train=True, download=False, transform=None):
            if not (tmp_path / root / "here").exists():
                if not download:
                    raise RuntimeError("Dataset not found. You can use download=True to download it")
                (tmp_path / root / "here").write_text("")
            super().__init__(20 if train else 10, (3, 5, 6), 4, random_offset=int(train) * 1000)
            self.classes = ["a", "b", "c", "d"]

    monkeypatch.setattr(datasets, "FashionMNIST", FashionMNIST)
    train, test = TorchvisionData(dataset="FashionMNIST", channels=1).load_whole(tmp_path)
    assert (len(train), len(test), test.shape, test.classes, test.name) == (
        20,
        10,
        (1, 5, 6),
        ("a", "b", "c", "d"),
        "fashionmnist",
    )
    image, label = FashionMNIST(str(tmp_path), train=False)[3]
    assert np.array_equal(test.pixels[3, 0], np.asarray(image.convert("L")))
    assert test.labels[3] == label


def test_torchvisions_sets_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TLA_DATA", str(tmp_path / "named"))
    refused(
        TorchvisionData(dataset="fashionmnist"),
        "torchvision has no data set 'fashionmnist'; did you mean 'FashionMNIST'?",
    )
    refused(
        TorchvisionData(dataset="EMNIST"),
        "torchvision:EMNIST has several versions: name one with variant, as in variant=balanced",
    )
    refused(
        TorchvisionData(dataset="SVHN", variant="x"), "torchvision:SVHN has no versions: leave variant away, got 'x'"
    )
    with pytest.raises(FileNotFoundError) as caught:
        TorchvisionData(dataset="ImageNet").load(tmp_path)
    assert f"torchvision:ImageNet was not found: searched {tmp_path}, {tmp_path / 'named'}" in str(caught.value)


def test_splits_know_whether_they_are_shared():
    pixels, labels = torch.zeros(4, 1, 4, 4, dtype=torch.uint8), torch.arange(4) % 2
    train, test = (Images(pixels, labels, ("a", "b"), torch.arange(4), split=split) for split in ("train", "test"))
    assert not Splits(train, test).shared
    assert Splits(test, test).shared

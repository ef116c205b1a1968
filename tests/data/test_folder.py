"""Folders of class folders: layouts, pixels, order, and the errors of folders that cannot be used."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import picture, pixels_of
from PIL import Image

from tla.data import SOURCES, load_source
from tla.data.folder import Folder


def test_train_and_test_folders(make_folder):
    make_folder({"cat": 3, "dog": 2}, below="train")
    folder = make_folder({"cat": 1, "dog": 1}, below="test")
    train, test = Folder(path=str(folder)).load()
    assert train.classes == test.classes == ("cat", "dog")
    assert (train.name, train.split, test.split) == ("pets", "train", "test")
    assert train.shape == (3, 5, 6)
    assert train.labels.tolist() == [0, 1, 0, 1, 0]
    files = ["cat/000", "dog/000", "cat/001", "dog/001", "cat/002"]
    for pixels, file in zip(train.pixels, files, strict=True):
        assert torch.equal(pixels, pixels_of(folder / "train" / f"{file}.png"))
    assert train.ids.tolist() == [0, 1, 2, 3, 4]
    assert len(test) == 2


@pytest.mark.parametrize("word", ["val", "valid", "validation"])
def test_other_names_of_the_test_folder(make_folder, word):
    make_folder({"cat": 2, "dog": 2}, below="train")
    folder = make_folder({"cat": 1, "dog": 3}, below=word)
    train, test = Folder(path=str(folder)).load()
    assert (len(train), len(test)) == (4, 4)


@pytest.mark.parametrize("below", [".", "train"])
def test_one_folder_is_split_per_class(make_folder, below):
    folder = make_folder({"cat": 10, "dog": 5, "eel": 2}, below=below)
    train, test = Folder(path=str(folder)).load()
    assert torch.bincount(test.labels).tolist() == [2, 1, 1]
    assert torch.bincount(train.labels).tolist() == [8, 4, 1]
    distinct = {pixels.numpy().tobytes() for images in (train, test) for pixels in images.pixels}
    assert len(distinct) == 17
    assert test.ids.tolist() == [0, 1, 2, 3]
    again = Folder(path=str(folder)).load().test
    assert torch.equal(test.pixels, again.pixels)
    assert not torch.equal(test.pixels, Folder(path=str(folder), seed=1).load().test.pixels)


def test_a_class_called_train_is_a_class(make_folder):
    folder = make_folder({"car": 3, "train": 3})
    assert Folder(path=str(folder)).load().train.classes == ("car", "train")


def test_subfolders_are_read_and_hidden_files_are_left_out(make_folder):
    folder = make_folder({"cat": 2, "dog": 3})
    (folder / "cat" / "more").mkdir()
    picture(7).save(folder / "cat" / "more" / "deep.png")
    (folder / "cat" / ".DS_Store").write_text("x")
    (folder / ".cache").mkdir()
    (folder / "labels.txt").write_text("next to the class folders")
    train, test = Folder(path=str(folder)).load()
    assert len(train) + len(test) == 6


def test_grey_stays_grey_and_a_mixture_becomes_rgb(make_folder):
    folder = make_folder({"cat": 3, "dog": 3}, mode="L")
    assert Folder(path=str(folder)).load().train.shape.channels == 1
    picture(9).save(folder / "dog" / "zebra.png")
    train, test = Folder(path=str(folder)).load()
    assert train.shape.channels == test.shape.channels == 3
    grey = pixels_of(folder / "cat" / "000.png")
    assert any(torch.equal(grey, pixels) for images in (train, test) for pixels in images.pixels)


def test_grey_training_images_with_rgb_test_images(make_folder):
    make_folder({"cat": 2, "dog": 2}, below="train", mode="L")
    train, test = Folder(path=str(make_folder({"cat": 2, "dog": 2}, below="test"))).load()
    assert train.shape == test.shape == (3, 5, 6)
    assert torch.equal(train.pixels[:, 0], train.pixels[:, 2])


def _all(folder: Path, **settings) -> torch.Tensor:
    train, test = Folder(path=str(folder), **settings).load()
    return torch.cat([train.pixels, test.pixels])


def test_resize_crops_to_the_central_square(make_folder, tmp_path):
    folder = make_folder({"cat": 3, "dog": 3})
    wide = np.zeros((8, 24, 3), dtype=np.uint8)
    wide[:, 8:16] = 200
    Image.fromarray(wide).save(folder / "cat" / "wide.png")
    pixels = _all(folder, resize=4)
    assert pixels.shape == (7, 3, 4, 4)
    assert any(bool((image[:, :, 1:3] == 200).all() and (image > 150).all()) for image in pixels)


def test_kinds_of_pixels(make_folder):
    folder = make_folder({"cat": 1, "dog": 2}, size=(4, 4))
    ramp = np.arange(16, dtype=np.uint16).reshape(4, 4)
    Image.fromarray(ramp * 4096).save(folder / "cat" / "sixteen_bits.png")
    Image.fromarray(ramp.astype(np.uint8) * 16).convert("1").save(folder / "cat" / "one_bit.png")
    faint = np.zeros((4, 4, 4), dtype=np.uint8)
    Image.fromarray(faint).save(folder / "cat" / "clear.png")
    turned = picture(5, (4, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(folder / "cat" / "turned.png", exif=exif)
    pixels = _all(folder)
    sixteen = torch.arange(16, dtype=torch.uint8).reshape(4, 4) * 16
    assert any(torch.equal(image[0], sixteen) for image in pixels)
    assert any(bool((image == 255).all()) for image in pixels), "transparency becomes white"
    upright = torch.from_numpy(np.array(turned.rotate(-90))).permute(2, 0, 1)
    assert any(torch.equal(image, upright) for image in pixels)


def test_a_relative_path_is_searched_under_root(make_folder, tmp_path, monkeypatch):
    make_folder({"cat": 2, "dog": 2})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(Folder(path="pets").load(tmp_path).train) == 2
    with pytest.raises(
        FileNotFoundError, match="pets does not exist: name a folder that holds one folder of pictures per class"
    ):
        Folder(path="pets").load()


def test_the_string_form(make_folder, tmp_path, monkeypatch):
    folder = make_folder({"cat": 2, "dog": 2})
    assert load_source(f"folder:{folder}") == Folder(path=str(folder))
    assert load_source("digits") == SOURCES.build("digits")
    assert load_source("tiny_imagenet") == SOURCES.build("tiny-imagenet")
    with pytest.raises(
        ValueError, match="unknown data set 'mnits'; did you mean 'mnist'\\? Known: cifar10, csv, digits, folder"
    ):
        load_source("mnits")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="unknown data set 'pets'; for the folder of that name write folder:pets"):
        load_source("pets")
    for path in ("./cats", "pets/cats", "/nowhere/pets@resize=32"):
        with pytest.raises(ValueError, match=f"no file or folder {path}; Known: .*, or folder:PATH"):
            load_source(path)


def _refused(folder: Path, text: str, **settings) -> None:
    with pytest.raises(ValueError) as caught:
        Folder(path=str(folder), **settings).load()
    assert text in str(caught.value)


def test_one_class_only(make_folder):
    folder = make_folder({"cat": 3})
    _refused(folder, f"{folder} must hold at least two class folders, got only 'cat'")


def test_no_class_at_all(tmp_path):
    picture(0).save(tmp_path / "loose.png")
    _refused(tmp_path, "must hold at least two class folders, got none")


def test_a_class_without_pictures(make_folder):
    folder = make_folder({"cat": 3, "dog": 2})
    (folder / "eel").mkdir()
    _refused(folder, f"{folder / 'eel'} contains no pictures")


def test_a_class_with_one_picture(make_folder):
    _refused(
        make_folder({"cat": 3, "dog": 1}), "pets: class 'dog' must have at least two images, one to hold out and one"
    )


def test_an_unreadable_file(make_folder):
    folder = make_folder({"cat": 3, "dog": 2})
    file = folder / "cat" / "001.png"
    file.write_bytes(file.read_bytes()[:-30])
    _refused(folder, f"cannot read as pictures: {file} (")
    (folder / "cat" / "001.png").unlink()
    (folder / "cat" / "001.png").symlink_to(folder / "gone.png")
    _refused(folder, f"cannot read as pictures: {file} ([Errno 2] No such file")


def test_a_file_that_is_not_a_picture(make_folder):
    folder = make_folder({"cat": 3, "dog": 2})
    (folder / "dog" / "notes.txt").write_text("good dogs")
    file = folder / "dog" / "notes.txt"
    _refused(folder, f"cannot read as pictures: {file} (not a picture); remove or replace them")
    for i in range(9):
        (folder / "dog" / f"more{i}.png").write_text("x")
    _refused(folder, " and 5 more; remove or replace them")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission(make_folder):
    folder = make_folder({"cat": 3, "dog": 2})
    (folder / "cat" / "000.png").chmod(0)
    _refused(folder, "000.png ([Errno 13] Permission denied")


def test_pictures_of_different_sizes(make_folder):
    folder = make_folder({"cat": 3, "dog": 2})
    picture(1, (9, 8)).save(folder / "dog" / "001.png")
    first, other = folder / "cat" / "000.png", folder / "dog" / "001.png"
    _refused(folder, f"pictures must have the same size, got 5 x 6 ({first}) and 8 x 9 ({other}); set resize")
    make_folder({"cat": 2, "dog": 2}, below="train")
    folder = make_folder({"cat": 2, "dog": 2}, below="test", size=(7, 7))
    _refused(folder, "pictures must have the same size, got 5 x 6 (")
    _refused(folder, "test/cat/000.png); set resize")


def test_a_test_class_that_is_never_trained_on(make_folder):
    make_folder({"cat": 2, "dog": 2}, below="train")
    folder = make_folder({"cat": 2, "eel": 2}, below="test")
    _refused(folder, f"{folder / 'test'} has classes that are not among the 2 known ones (cat, dog): eel")


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "x.png").write_text("")
    with pytest.raises(FileNotFoundError, match=r"x\.png is a file: name a folder that holds"):
        Folder(path=str(tmp_path / "x.png")).load()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"test": 0.0}, "folder.test must be between 0 and 1, got 0.0"),
        ({"test": 1.0}, "folder.test must be between 0 and 1, got 1.0"),
        ({"resize": 2}, "folder.resize must be >= 4 pixels, got 2"),
        ({"seed": -1}, "folder.seed must be >= 0, got -1"),
    ],
)
def test_invalid_settings(settings, text):
    with pytest.raises(ValueError, match=text):
        Folder(path="x", **settings)

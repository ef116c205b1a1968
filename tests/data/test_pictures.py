"""Pictures of every kind: depth, channels, crops, palettes, CMYK, transparency, names and sizes."""

import os

import numpy as np
import pytest
import torch
from own_data import write_deep_png
from pictures import picture
from PIL import Image

from tla.data.folder import Folder
from tla.data.loading.decode import read_pictures
from tla.data.loading.picture import PictureFormat, depth_of


def read(tmp_path, **settings):
    files = sorted(str(file) for file in tmp_path.iterdir() if file.is_file())
    return read_pictures(files, tmp_path, PictureFormat(**settings))


@pytest.mark.parametrize(
    ("largest", "bits"), [(0, 8), (255, 8), (256, 10), (4095, 12), (4096, 14), (65535, 16), (2**20, 21)]
)
def test_the_depth_that_the_largest_value_needs(largest, bits):
    assert depth_of(largest) == bits


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("colours", [(), (3,)])
def test_the_depth_is_that_of_the_whole_folder(tmp_path, bits, colours):
    rng = np.random.default_rng(bits)
    values = [rng.integers(0, 2**8, (5, 6, *colours)), rng.integers(0, 2**bits, (5, 6, *colours))]
    values[1].flat[0] = 2**bits - 1
    for i, some in enumerate(values):
        write_deep_png(tmp_path / f"{i}.png", some)
    found = read(tmp_path)
    for pixels, some in zip(found.pixels, values, strict=True):
        expected = (some >> (bits - 8)).astype(np.uint8).reshape(5, 6, -1).transpose(2, 0, 1)
        assert np.array_equal(pixels, expected)
    assert len(found.notes) == 1
    assert f"2 of 2 pictures have more than 8 bits per value, the largest value is {2**bits - 1:,}" in found.notes[0]
    assert f"read as {bits} bits" in found.notes[0]


def test_a_named_depth_is_used_and_checked(tmp_path):
    write_deep_png(tmp_path / "0.png", np.full((5, 6), 1600))
    assert int(read(tmp_path).pixels.max()) == 1600 >> 4
    assert int(read(tmp_path, depth=16).pixels.max()) == 1600 >> 8
    with pytest.raises(ValueError, match=r"0\.png \(has the value 1,600, which 10 bits cannot hold; set depth"):
        read(tmp_path, depth=10)


def test_bytes_in_a_file_of_32_bits(tmp_path):
    values = np.arange(30, dtype=np.int32).reshape(5, 6) * 8
    Image.fromarray(values).save(tmp_path / "0.tiff")
    assert torch.equal(read(tmp_path).pixels[0, 0], torch.from_numpy(values.astype(np.uint8)))


def test_train_and_test_have_one_depth(tmp_path):
    for split, value in (("train", 4000), ("test", 200)):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            write_deep_png(tmp_path / split / name / "0.png", np.full((5, 6), value))
    train, test = Folder(path=str(tmp_path)).load()
    assert int(train.pixels.max()) == 4000 >> 4
    assert int(test.pixels.max()) == 200 >> 4
    assert "read as 12 bits" in test.notes[0]


@pytest.mark.parametrize("channels", [2, 4])
def test_deep_transparency_becomes_white(tmp_path, channels):
    values = np.full((4, 5, channels), 4095)
    values[..., -1] = 65535
    values[0, :, :-1], values[1, :, -1] = 0, 0
    write_deep_png(tmp_path / "0.png", values)
    pixels = read(tmp_path).pixels[0]
    assert (pixels[:, 0] == 0).all()
    assert (pixels[:, 1:] == 255).all()


def test_a_turned_deep_picture(tmp_path):
    values = np.arange(30).reshape(5, 6) * 2100
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(values.astype(np.uint16)).save(tmp_path / "0.png", exif=turned)
    assert np.array_equal(read(tmp_path).pixels[0, 0], (np.rot90(values, -1) >> 8).astype(np.uint8))


def test_grey_stored_in_colour(tmp_path):
    grey = np.arange(30, dtype=np.uint8).reshape(5, 6) * 8
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "0.png")
    found = read(tmp_path)
    assert found.pixels.shape == (1, 3, 5, 6)
    assert found.notes == ("all pictures are grey but stored in colour; channels=1 reads them as grey",)
    as_grey = read(tmp_path, channels=1)
    assert np.array_equal(as_grey.pixels[0, 0], grey)
    assert as_grey.notes == ()
    assert torch.equal(read(tmp_path, channels=3).pixels, found.pixels)
    picture(3).save(tmp_path / "1.png")
    assert read(tmp_path).notes == ()


def test_cmyk_and_palettes(tmp_path):
    colour = np.zeros((16, 16, 3), dtype=np.uint8)
    colour[:, :8] = (200, 40, 90)
    Image.fromarray(colour).convert("CMYK").save(tmp_path / "0.jpg", quality=95)
    clear = Image.fromarray(colour).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    clear.info["transparency"] = clear.getpixel((12, 4))
    clear.save(tmp_path / "1.png", transparency=clear.info["transparency"])
    pixels = read(tmp_path).pixels
    assert (pixels[0].int() - torch.from_numpy(colour).permute(2, 0, 1).int()).abs().max() <= 4
    assert (pixels[1, :, :, 8:] == 255).all()
    assert (pixels[1, :, :, :8].int() - torch.tensor([200, 40, 90])[:, None, None]).abs().max() <= 1


@pytest.mark.parametrize("size", [(40, 30), (30, 41), (33, 33)])
def test_a_crop_is_torchvisions(tmp_path, size):
    from torchvision.transforms import v2

    picture(1, size).save(tmp_path / "0.png")
    theirs = v2.Compose([v2.Resize(24), v2.CenterCrop(17), v2.PILToTensor()])
    with Image.open(tmp_path / "0.png") as image:
        expected = theirs(image)
        alone = v2.PILToTensor()(v2.CenterCrop(20)(image))
    assert torch.equal(read(tmp_path, resize=24, crop=17).pixels[0], expected)
    assert torch.equal(read(tmp_path, crop=20).pixels[0], alone)


def test_a_crop_larger_than_the_picture(tmp_path):
    picture(1, (40, 30)).save(tmp_path / "0.png")
    with pytest.raises(ValueError, match=r"30 x 40 pixels, smaller than crop = 32; set resize, or a smaller crop"):
        read(tmp_path, crop=32)


def test_pixels_are_counted_before_a_picture_is_decoded(tmp_path, monkeypatch):
    Image.new("1", (13300, 13300)).save(tmp_path / "0.png")
    assert (tmp_path / "0.png").stat().st_size < 60_000
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(
        ValueError, match=r"0\.png .13,300 x 13,300 pixels, more than the limit of 64,000,000; shrink it or"
    ):
        read(tmp_path)


def test_the_limit_can_be_raised_beyond_pillows(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    picture(1, (40, 30)).save(tmp_path / "0.png")
    assert read(tmp_path, most_pixels=1200).pixels.shape == (1, 3, 30, 40)
    assert Image.MAX_IMAGE_PIXELS == 100
    with pytest.raises(ValueError, match="more than the limit of 1,199"):
        read(tmp_path, most_pixels=1199)


def test_an_empty_file(tmp_path):
    (tmp_path / "0.png").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"cannot read as pictures: .*0\.png \(not a picture\); remove or replace them"
    ):
        read(tmp_path)


def test_names_that_are_not_utf8(make_folder):
    folder = make_folder({"cat": 3, "dog": 3})
    raw = os.fsencode(folder)
    for old, new in ((b"/cat/000.png", b"/cat/caf\xe9.png"), (b"/dog", b"/d\xf6g")):
        os.rename(raw + old, raw + new)  # noqa: PTH104
    train, test = Folder(path=str(folder)).load()
    assert train.classes == ("cat", "d\\xf6g")
    assert len(train) + len(test) == 6
    "".join(train.classes).encode()
    os.rename(raw, os.path.dirname(raw) + b"/\xff")  # noqa: PTH104, PTH120
    assert Folder(path=os.fsdecode(os.path.dirname(raw) + b"/\xff")).load().test.name == "\\xff"  # noqa: PTH120
    broken = os.fsdecode(os.path.dirname(raw) + b"/\xff/cat/caf\xe9.png")  # noqa: PTH120
    with open(broken, "wb"):  # noqa: PTH123
        pass
    with pytest.raises(ValueError) as caught:
        Folder(path=os.fsdecode(os.path.dirname(raw) + b"/\xff")).load()  # noqa: PTH120
    str(caught.value).encode()

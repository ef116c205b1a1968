"""A block of columns, read back as the browser reads it."""

import json
import struct

import numpy as np
import pytest

from tla.widgets.bundle import script
from tla.widgets.packing import TYPES, from_bits, pack, to_bits


def unpacked(block):
    """The same as modules/packing.js, from its description."""
    (size,) = struct.unpack("<I", block[:4])
    start = -(-(4 + size) // 8) * 8

    def column(value):
        if "$" in value:
            kind, offset, length = value["$"]
            return np.frombuffer(block, kind, length, start + offset)
        return value

    return json.loads(block[4 : 4 + size], object_hook=column)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("n", [0, 1, 3, 8])
def test_columns_come_back(kind, n):
    column = np.arange(n).astype(kind)
    found = unpacked(pack({"a": [{"b": column}], "text": "é<b>", "none": None, "bytes": b"xyz"}))
    np.testing.assert_array_equal(found["a"][0]["b"], column)
    assert found["a"][0]["b"].dtype == kind
    assert (found["text"], found["none"], found["bytes"].tobytes()) == ("é<b>", None, b"xyz")


def test_an_unknown_type_is_named():
    with pytest.raises(ValueError, match=r"must be of type uint8, .*, got int64"):
        pack({"a": np.arange(3)})


def test_nan_is_refused_as_plain_value():
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack({"a": float("nan")})


@pytest.mark.parametrize("n", [1, 7, 8, 9, 100])
def test_bits_come_back(n):
    mask = np.random.default_rng(n).random(n) < 0.4
    mask[0] = True
    np.testing.assert_array_equal(from_bits(to_bits(mask), n), mask)
    assert len(to_bits(mask)) == -(-n // 8)
    assert to_bits(np.zeros(n, bool)) == b""
    assert not from_bits(b"", n).any()


@pytest.mark.browser
def test_the_browser_reads_what_python_packed(chromium, tmp_path):
    """Every type, at a place in memory that is not a multiple of eight bytes too."""
    import base64

    columns = {kind: np.array([0, 1, 200], kind) for kind in TYPES}
    block = base64.b64encode(pack({"columns": columns, "text": "é"})).decode()
    module = script("packing", "page").rpartition("export default")[0]
    (tmp_path / "page.html").write_text(
        f"""<meta charset="utf-8"><script type="module">{module}
        const block = $packing.fromBase64("{block}");
        const shifted = new Uint8Array(block.length + 3);
        shifted.set(block, 3);
        const read = [block, shifted.subarray(3)].map((one) => $packing.unpack(one));
        window.found = read.map(({{ columns, text }}) =>
          [text, ...Object.entries(columns).map(([k, v]) => [k, v.constructor.name, Array.from(v)])]);
        const mask = Uint8Array.from({{length: 19}}, (_, k) => (k % 3 === 0 ? 1 : 0));
        window.bits = Array.from($packing.toBits(mask));
        const back = $packing.fromBits($packing.toBase64($packing.toBits(mask)), 19);
        window.back = Array.from(back).join() === mask.join();
        </script>"""
    )
    page = chromium.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    first, second = page.evaluate("found")
    assert first == second
    assert first[0] == "é"
    assert [name for name, _, _ in first[1:]] == list(TYPES)
    assert all(kind.lower().removesuffix("array") == name and values == [0, 1, 200] for name, kind, values in first[1:])
    mask = np.arange(19) % 3 == 0
    assert bytes(page.evaluate("bits")) == to_bits(mask)
    assert page.evaluate("back")
    page.close()

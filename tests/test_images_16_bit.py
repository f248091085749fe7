"""Images of 16 bits per channel keep all of their levels."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import DataError, prepare, prepare_source
from modelspec.runtime.data.adapted_state import State

from .sources import faults, in_blocks, opened

RANDOM = np.random.default_rng(0)
TYPES = {1: 0, 3: 2, 2: 4, 4: 6}
ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(values: NDArray[Any], *, interlaced: bool = False, clear: tuple[int, ...] = ()) -> bytes:
    """A PNG of 16 bits, [height, width, channels], whose rows go through all five filters."""
    height, width, channels = values.shape
    rows = b""
    for top, left, down, across in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = np.ascontiguousarray(values[top::down, left::across].astype(">u2"))
        if part.size:
            rows += filtered(part.view(np.uint8).reshape(len(part), -1).astype(int), 2 * channels)
    size = struct.pack(">IIBBBBB", width, height, 16, TYPES[channels], 0, 0, int(interlaced))
    key = chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear)) if clear else b""
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + key + data + chunk(b"IEND", b"")


def filtered(rows: NDArray[Any], step: int) -> bytes:
    """The rows as the PNG specification (9.2) has them, each behind the number of its filter."""
    found, above = b"", np.zeros(rows.shape[1], int)
    for number, row in enumerate(rows):
        left = np.concatenate([np.zeros(step, int), row])[: len(row)]
        corner = np.concatenate([np.zeros(step, int), above])[: len(row)]
        guess = left + above - corner
        a, b, c = np.abs(guess - left), np.abs(guess - above), np.abs(guess - corner)
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
        less = (0 * row, left, above, (left + above) // 2, paeth)[number % 5]
        found += bytes([number % 5]) + ((row - less) % 256).astype(np.uint8).tobytes()
        above = row
    return found


def image(folder: Path, **settings: Any) -> Any:
    """The only image of a folder."""
    return opened({"images": {"path": ".", **settings}}, folder).column("image")[0]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("channels", "mode"), [(1, "grayscale"), (3, "rgb"), (4, "rgba")])
def test_every_level_is_read(tmp_path: Path, channels: int, mode: str, *, interlaced: bool) -> None:
    for size in ((13, 11), (1, 1), (2, 9)):
        values = RANDOM.integers(0, 65536, (*size, channels), np.uint16)
        (tmp_path / "a.png").write_bytes(png(values, interlaced=interlaced))
        found = image(tmp_path, color_mode=mode)
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, values)


def test_values_of_12_bits_stay_as_they_are(tmp_path: Path) -> None:
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(image(tmp_path, color_mode="grayscale")[..., 0], values)
    np.testing.assert_array_equal(image(tmp_path)[..., 2], values)


def test_channels_are_made_and_left_out(tmp_path: Path) -> None:
    pair = RANDOM.integers(0, 65536, (3, 4, 2), np.uint16)
    (tmp_path / "a.png").write_bytes(png(pair))
    np.testing.assert_array_equal(
        image(tmp_path, color_mode="rgba")[..., [0, 2, 3]], pair[..., [0, 0, 1]]
    )
    color = RANDOM.integers(0, 65536, (3, 4, 3), np.uint16)
    (tmp_path / "a.png").write_bytes(png(color, clear=tuple(color[1, 2].tolist())))
    found = image(tmp_path, color_mode="rgba")
    np.testing.assert_array_equal(found[..., :3], color)
    assert np.argwhere(found[..., 3] != 65535).tolist() == [[1, 2]] and found[1, 2, 3] == 0
    grey = color @ np.array([0.299, 0.587, 0.114])
    assert np.abs(image(tmp_path, color_mode="grayscale")[..., 0] - grey).max() < 2


SIZED: list[dict[str, Any]] = [
    {"interpolation": "bilinear"},
    {"interpolation": "nearest"},
    {"interpolation": "bicubic"},
    {"interpolation": "area"},
    {"interpolation": "lanczos3", "crop_to_aspect_ratio": True},
    {"color_mode": "rgba", "pad_to_aspect_ratio": True},
    {"color_mode": "grayscale"},
]


@pytest.mark.parametrize("settings", SIZED, ids=str)
def test_they_are_resized_as_images_of_8_bits_are(tmp_path: Path, settings: Any) -> None:
    """Of 257 times the values of an image of 8 bits: 257 times the result, but for its rounding."""
    small = RANDOM.integers(80, 176, (9, 7, 4), np.uint8)  # so that no filter leaves 0 to 255
    small[..., 3] |= 128
    (tmp_path / "8").mkdir()
    (tmp_path / "16").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(small).save(tmp_path / "8/a.png", exif=exif)
    wide = png(small.astype(np.uint16) * 257)
    camera = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    (tmp_path / "16/a.png").write_bytes(wide[:33] + camera + wide[33:])
    for size in ([5, 4], [12, 10]):
        low = image(tmp_path / "8", size=size, **settings).astype(float) * 257
        found = image(tmp_path / "16", size=size, **settings)
        high = found.astype(float)
        if settings.get("color_mode") == "rgba":  # 8 bits of color are few where alpha is small
            low[..., :3] *= low[..., 3:] / 65535
            high[..., :3] *= high[..., 3:] / 65535
        assert found.dtype == np.uint16 and np.abs(high - low).max() <= 257 * 2.5
    plain = image(tmp_path / "16", color_mode="rgba")
    np.testing.assert_array_equal(plain, np.rot90(small, -1).astype(np.uint16) * 257)


def test_the_mean_of_an_area_has_16_bits(tmp_path: Path) -> None:
    values = RANDOM.integers(0, 65536, (4, 6, 3), np.uint16)
    (tmp_path / "a.png").write_bytes(png(values))
    mean = values.astype(float).reshape(2, 2, 3, 2, 3).mean((1, 3))
    found = image(tmp_path, size=[2, 3], interpolation="area")
    assert np.abs(found - mean).max() <= 0.51


def test_a_table_of_them_and_blocks(tmp_path: Path) -> None:
    values = RANDOM.integers(0, 65536, (5, 2, 3, 3), np.uint16)
    for index, one in enumerate(values):
        (tmp_path / f"{index}.png").write_bytes(png(one))
    (tmp_path / "t.csv").write_text("file,y\n" + "".join(f"{i}.png,{i}\n" for i in range(5)))
    table = opened({"images": {"csv": "t.csv"}}, tmp_path)
    np.testing.assert_array_equal(table.column("image"), values)
    found = in_blocks(opened({"images": {"csv": "t.csv"}}, tmp_path), ["image", "y"], 2)
    np.testing.assert_array_equal(found["image"], values)
    assert found["image"].dtype == np.uint16


@pytest.mark.parametrize("unreadable", ["error", "skip"])
def test_images_of_8_bits_among_those_of_16_have_their_range(
    tmp_path: Path, unreadable: str
) -> None:
    """As the PNG specification (13.12) brings samples to a greater depth."""
    values = np.full((2, 2, 3), 300, np.uint16)
    small = RANDOM.integers(0, 256, (2, 2, 3), np.uint8)
    Image.fromarray(small).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(png(values))
    table = opened({"images": {"path": ".", "unreadable": unreadable}}, tmp_path)
    np.testing.assert_array_equal(table.column("image"), [small.astype(int) * 257, values])
    assert table.bits == 16
    (warning,) = table.warnings
    assert warning.code == "MS666" and "1 of 2 images of . have 16 bits" in warning.message


def test_one_of_16_bits_that_is_left_out_changes_no_other(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2, 3), 7, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(png(np.zeros((2, 2, 3), np.uint16))[:-30])
    table = opened({"images": {"path": ".", "unreadable": "skip"}}, tmp_path)
    found = table.column("image")
    assert found.dtype == np.uint8 and found.tolist() == [[[[7] * 3] * 2] * 2]
    assert [one.code for one in table.warnings] == ["MS644"]


def test_damaged_ones_are_told(tmp_path: Path) -> None:
    whole = png(RANDOM.integers(0, 65536, (6, 6, 3), np.uint16))
    at = whole.index(b"IDAT") + 4
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 90, 90, 16, 2, 0, 0, 0))
    empty = chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    for bad in (
        whole[:-40],
        whole[: at + 20] + b"\xff" + whole[at + 21 :],
        whole[:33] + empty,
        whole[:33] + header + whole[33:],
        whole[:33] + chunk(b"IDAT", b"no data") + whole[-12:],
    ):
        (tmp_path / "a.png").write_bytes(bad)
        assert [one[:5] for one in faults({"images": "."}, tmp_path)] == ["MS644"]


def write_photos(folder: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    """Four images of two classes."""
    values = RANDOM.integers(0, 65536, (4, *shape), np.uint16)
    for index, one in enumerate(values):
        path = folder / f"photos/{'ab'[index // 2]}/{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(one))
    return values


def spec(dtype: str, shape: tuple[int, ...] = (2, 2, 1), *first: Any, **more: Any) -> Any:
    layers = [*first, "Flatten", {"Dense": {"units": 2, "activation": "softmax", "name": "y"}}]
    look = [{"StringLookup": {"num_oov_indices": 0, "vocabulary": ["a", "b"]}}]
    data = {
        "source": {"images": {"path": "photos", "color_mode": "grayscale"}},
        "inputs": {"x": {"column": "image", **more.pop("feature", {})}},
        "targets": {"y": {"column": "label", "transform": look}},
        **more,
    }
    model = {"inputs": {"x": {"shape": list(shape), "dtype": dtype}}, "layers": layers}
    training = {"loss": "sparse_categorical_crossentropy", "batch_size": 1}
    checked = compile_spec({"model": model, "data": data, "training": training})
    assert checked.ok and checked.value is not None, [str(one) for one in checked.diagnostics]
    return checked.value


def test_a_model_gets_the_levels_and_an_input_of_8_bits_refuses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = write_photos(tmp_path, (2, 2, 1))

    for dtype in ("float32", "uint16", "int32"):
        found = prepare(spec(dtype)).parts["train"].examples.inputs["x"]
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, values)
    with pytest.raises(DataError) as raised:
        prepare(spec("uint8"))
    (wrong,) = raised.value.diagnostics
    assert wrong.code == "MS621" and "`uint8` takes integers from 0 to 255" in wrong.message


BRIGHT: dict[str, Any] = {"RandomBrightness": 0.1}
WIDE: dict[str, Any] = {"RandomBrightness": {"factor": 0.1, "value_range": [0, 65535]}}


@pytest.mark.parametrize(
    ("first", "more", "right"),
    [
        ([], {"augment": [BRIGHT]}, False),
        ([], {"augment": ["RandomFlip", BRIGHT]}, False),
        ([], {"augment": ["RandomFlip", WIDE]}, True),
        ([BRIGHT], {}, False),
        ([WIDE], {}, True),
        ([], {"feature": {"transform": ["AutoContrast"]}}, False),
        ([], {"feature": {"transform": [{"Rescaling": 0.001}]}, "augment": [BRIGHT]}, True),
        ([{"Rescaling": 0.001}, BRIGHT], {}, True),
    ],
    ids=str,
)
def test_a_layer_that_would_cut_them_off_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: list[Any],
    more: dict[str, Any],
    *,
    right: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path, (8, 8, 1))
    compiled = spec("float32", (8, 8, 1), *first, **more)
    if right:
        prepare(compiled)
        return
    with pytest.raises(DataError, match="has 16 bits per channel and values up to") as raised:
        prepare(compiled)
    assert [one.code for one in raised.value.diagnostics] == ["MS666"]


def test_a_run_takes_images_of_the_bits_that_it_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path, (8, 8, 1))
    (tmp_path / "others").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "others/a.png")
    compiled = spec("float32", (8, 8, 1))
    state = State.of(json.loads(json.dumps(prepare(compiled).state.plain())))
    assert state.features["inputs", "x"].wide and not state.empty
    tables = [
        opened({"images": {"path": path, "color_mode": "grayscale"}}, tmp_path)
        for path in ("photos", "others")
    ]
    wide, narrow = tables
    prepare_source(compiled, wide, with_targets=False, state=state)
    earlier = State({key: replace(one, wide=False) for key, one in state.features.items()})
    prepare_source(compiled, narrow, with_targets=False, state=earlier)
    for table, known in ((wide, earlier), (narrow, state)):
        with pytest.raises(DataError, match="bits per channel, but the run was trained on images"):
            prepare_source(compiled, table, with_targets=False, state=known)

"""Images and their masks: pairs of files, values of masks, columns of paths, and a model trained on
them.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import modelspec as ms
from modelspec.compiler.pipeline import compile_spec
from modelspec.runtime.data import DataError, prepare

from .sources import faults, in_blocks, opened
from .test_images_16_bit import png

RANDOM = np.random.default_rng(1)
Values = NDArray[Any]


def save(path: Path, values: Values, **settings: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **settings)
    return path


def image(rows: int = 6, columns: int = 8) -> Values:
    return RANDOM.integers(0, 256, (rows, columns, 3), np.uint8)


def mask_of(folder: Path, write: Any, **settings: Any) -> Values:
    """A mask as it is read, beside an image of its size."""
    values = write(folder / "m/a.png")
    save(folder / "i/a.png", image(*values))
    found = opened({"images": {"path": "i", "masks": "m", **settings}}, folder).column("mask")
    assert found.dtype == np.uint8 and found.shape[-1] == 1
    return found[0, ..., 0]


# The values of masks ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["grey", "palette", "one bit", "grey in colors", "grey and alpha"])
def test_a_mask_has_the_values_that_its_file_stores(tmp_path: Path, way: str) -> None:
    values = RANDOM.integers(0, 2 if way == "one bit" else 7, (6, 8), np.uint8)

    def write(path: Path) -> tuple[int, int]:
        path.parent.mkdir()
        made = Image.fromarray(values)
        if way == "palette":
            made = Image.fromarray(values, "P")
            made.putpalette(RANDOM.integers(0, 256, 768, np.uint8).tobytes())  # any colors
        elif way == "one bit":
            made = Image.fromarray(values * 255).convert("1")
        elif way == "grey in colors":
            made = made.convert("RGB")
        elif way == "grey and alpha":
            made = made.convert("LA")
        made.save(path)
        return values.shape

    np.testing.assert_array_equal(mask_of(tmp_path, write), values)


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_is_not_spread_over_eight(tmp_path: Path, bits: int) -> None:
    """Pillow multiplies such values so that they reach 255."""
    values = RANDOM.integers(0, 2**bits, (6, 8), np.uint8)
    packed = values.reshape(6, -1, 8 // bits) << np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    rows = packed.sum(-1).astype(np.uint8)

    def write(path: Path) -> tuple[int, int]:
        path.parent.mkdir()
        path.write_bytes(_grey_png(rows, 8, bits))
        return values.shape

    np.testing.assert_array_equal(mask_of(tmp_path, write), values)


def _grey_png(rows: Values, width: int, bits: int) -> bytes:
    import struct
    import zlib

    from .test_images_16_bit import chunk

    header = struct.pack(">IIBBBBB", width, len(rows), bits, 0, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


def test_values_that_mean_the_classes(tmp_path: Path) -> None:
    values = RANDOM.choice(np.array([0, 128, 255], np.uint8), (6, 8))

    def write(path: Path) -> tuple[int, int]:
        save(path, values)
        return values.shape

    found = mask_of(tmp_path, write, mask_values=[255, 0, 128])
    np.testing.assert_array_equal(found, np.select([values == 255, values == 0], [0, 1], 2))
    (row, column), *_ = np.argwhere(values == 128)
    source = {"images": {"path": "i", "masks": "m", "mask_values": [0, 255]}}
    assert faults(source, tmp_path) == [
        f"MS677 `m/a.png` has the value 128 at row {row + 1}, column {column + 1}, which"
        " `mask_values` does not list"
    ]


def test_values_of_16_bits_need_their_meaning(tmp_path: Path) -> None:
    values = RANDOM.choice(np.array([0, 1000], np.uint16), (6, 8, 1))
    (tmp_path / "m").mkdir()
    (tmp_path / "m/a.png").write_bytes(png(values))
    save(tmp_path / "i/a.png", image())
    source: dict[str, Any] = {"path": "i", "masks": "m"}
    assert faults({"images": source}, tmp_path) == [
        "MS678 `m/a.png` has the value 1000, but masks have at most 256 classes"
    ]
    found = opened({"images": {**source, "mask_values": [0, 1000]}}, tmp_path).column("mask")
    np.testing.assert_array_equal(found[0], values // 1000)


def test_colors_are_no_classes(tmp_path: Path) -> None:
    save(tmp_path / "i/a.png", image())
    save(tmp_path / "m/a.png", image())
    assert faults({"images": {"path": "i", "masks": "m"}}, tmp_path) == [
        "MS678 `m/a.png` has colors, but a mask requires one number per pixel"
    ]


def test_a_mask_takes_the_nearest_value(tmp_path: Path) -> None:
    """Every third pixel of a mask of three times the size; its image is interpolated."""
    small = RANDOM.integers(0, 5, (4, 5), np.uint8)
    save(tmp_path / "m/a.png", np.kron(small, np.ones((3, 3), np.uint8)))
    save(tmp_path / "i/a.png", image(12, 15))
    settings = {"path": "i", "masks": "m", "size": [4, 5]}
    table = opened({"images": settings}, tmp_path)
    np.testing.assert_array_equal(table.column("mask")[0, ..., 0], small)
    assert table.column("image").shape == (1, 4, 5, 3)
    padded = {**settings, "size": [15, 15], "pad_to_aspect_ratio": True}
    found = opened({"images": padded}, tmp_path).column("mask")[0, ..., 0]
    assert not found[0].any() and set(np.unique(found)) <= set(range(5))


# Pairs --------------------------------------------------------------------------------------------


def test_images_and_masks_of_one_name_are_pairs(tmp_path: Path) -> None:
    masks = RANDOM.integers(0, 3, (5, 6, 8), np.uint8)
    for index, values in enumerate(masks):
        ending, other = ("png", "tif") if index % 2 else ("webp", "bmp")
        save(tmp_path / f"i/x{index}.{ending}", image())
        save(tmp_path / f"m/x{index}.{other}", values)
    table = opened({"images": {"path": "i", "masks": "m"}}, tmp_path)
    assert table.names == ("image", "mask") and table.default_target == "mask"
    np.testing.assert_array_equal(table.column("mask")[..., 0], masks)
    found = in_blocks(opened({"images": {"path": "i", "masks": "m"}}, tmp_path), table.names, 2)
    np.testing.assert_array_equal(found["mask"], table.column("mask"))
    np.testing.assert_array_equal(found["image"], table.column("image"))
    assert table.place("mask", (1, 2, 3, 0)) == "m/x1.tif [2, 3, 0]"
    before = table.fingerprint
    save(tmp_path / "m/x1.tif", masks[1] + 1)
    assert opened({"images": {"path": "i", "masks": "m"}}, tmp_path).fingerprint != before


def test_class_folders_have_the_same_folders_of_masks(tmp_path: Path) -> None:
    for name in ("cat/1", "dog/1"):
        save(tmp_path / f"i/{name}.png", image())
        save(tmp_path / f"m/{name}.png", np.full((6, 8), name == "dog/1", np.uint8))
    table = opened({"images": {"path": "i", "masks": "m"}}, tmp_path)
    assert table.column("label").tolist() == ["cat", "dog"]
    assert [int(one.max()) for one in table.column("mask")] == [0, 1]


def test_files_without_a_partner_are_named(tmp_path: Path) -> None:
    for name in ("i/a.png", "i/b.png", "i/c.jpg", "i/c.png"):
        save(tmp_path / name, image())
    for name in ("m/a.png", "m/c.png", "m/d.png"):
        save(tmp_path / name, np.zeros((6, 8), np.uint8))
    assert faults({"images": {"path": "i", "masks": "m"}}, tmp_path) == [
        "MS676 `i/c.png` and `i/c.jpg` have the same name, so their match is ambiguous",
        "MS676 the image `i/b.png` has no mask",
        "MS676 the mask `m/d.png` has no image",
    ]


def test_a_mask_of_other_proportions_fits_no_image(tmp_path: Path) -> None:
    """As that of an image that a camera turned."""
    save(tmp_path / "i/a.png", image(6, 8))
    save(tmp_path / "m/a.png", np.zeros((8, 6), np.uint8))
    assert faults({"images": {"path": "i", "masks": "m", "size": 4}}, tmp_path) == [
        "MS676 `m/a.png` has 6 x 8 pixels, but its image `i/a.png` has 8 x 6"
    ]
    save(tmp_path / "m/a.png", np.zeros((3, 4), np.uint8))
    assert faults({"images": {"path": "i", "masks": "m", "size": 4}}, tmp_path) == []


def test_pairs_of_which_a_file_does_not_decode_may_be_left_out(tmp_path: Path) -> None:
    for name in "abc":
        save(tmp_path / f"i/{name}.png", image())
        save(tmp_path / f"m/{name}.png", np.full((6, 8), ord(name) - 97, np.uint8))
    (tmp_path / "m/b.png").write_bytes(b"no image")
    source = {"path": "i", "masks": "m", "unreadable": "skip"}
    table = opened({"images": source}, tmp_path)
    assert [int(one.max()) for one in table.column("mask")] == [0, 2]
    assert len(table.column("image")) == table.count == 2 and len(table.warnings) == 1


# Formats ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"format": "WEBP", "lossless": True}, {"format": "TIFF"}])
def test_webp_and_tiff_are_read(tmp_path: Path, settings: dict[str, Any]) -> None:
    values = image()
    save(tmp_path / "a.img", values, **settings)
    np.testing.assert_array_equal(opened({"images": "."}, tmp_path).column("image")[0], values)


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_the_first_frame_of_an_animation_is_read(tmp_path: Path, kind: str) -> None:
    frames = [Image.fromarray(np.full((8, 8, 3), level, np.uint8)) for level in (40, 200)]
    lossless = {"lossless": True} if kind == "webp" else {}
    frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:], **lossless)
    assert opened({"images": "."}, tmp_path).column("image").max() == 40


def test_a_grey_tiff_of_16_bits_keeps_its_levels(tmp_path: Path) -> None:
    values = RANDOM.integers(0, 65536, (6, 8), np.uint16)
    save(tmp_path / "a.tif", values)
    found = opened({"images": {"path": ".", "color_mode": "grayscale"}}, tmp_path)
    np.testing.assert_array_equal(found.column("image")[0, ..., 0], values)
    assert found.bits == 16


def test_tiff_files_that_would_lose_something_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(image()) for _ in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    save(tmp_path / "b.tif", RANDOM.random((6, 8)).astype(np.float32))
    (tmp_path / "c.tif").write_bytes(_tiff_of_16_bits(image().astype(np.uint16) * 257))
    assert faults({"images": "."}, tmp_path) == [
        "MS679 `./a.tif` has 3 pages, but an example is a single image",
        "MS644 `./b.tif` has pixels that are floating-point numbers",
        "MS644 `./c.tif` is a TIFF file with 16 bits for each of its colors, of which 8 would be"
        " left",
    ]


def _tiff_of_16_bits(values: Values) -> bytes:
    """An uncompressed RGB image (TIFF 6.0, section 2)."""
    import struct

    rows, columns, _ = values.shape
    entries = [
        (256, 3, 1, columns),
        (257, 3, 1, rows),
        (258, 3, 3, 8 + 2 + 9 * 12 + 4),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8 + 2 + 9 * 12 + 4 + 6),
        (277, 3, 1, 3),
        (278, 3, 1, rows),
        (279, 4, 1, values.nbytes),
    ]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    tags = b"".join(struct.pack("<HHII", *one) for one in entries)
    bits = struct.pack("<IHHH", 0, 16, 16, 16)
    return head + tags + bits + values.astype("<u2").tobytes()


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "PNG", "JPEG"])
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, kind: str) -> None:
    whole = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), np.uint8)).save(whole, kind)
    (tmp_path / "a.img").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (found,) = faults({"images": "."}, tmp_path)
    assert found.startswith("MS644 `./a.img`")


# Columns of paths ---------------------------------------------------------------------------------


def paths_spec(folder: Path, **changed: Any) -> dict[str, Any]:
    """A spec whose table, in a folder of its own, names an image and a mask in each row."""
    for index in range(8):
        save(folder / f"d/photos/{index}.png", image())
        save(folder / f"d/regions/{index}.png", RANDOM.integers(0, 2, (6, 8), np.uint8) * 255)
    rows = [f"photos/{index}.png,regions/{index}.png,{index}" for index in range(8)]
    (folder / "d/t.csv").write_text("\n".join(["photo,region,score", *rows]))
    conv = {"Conv2D": {"filters": 2, "kernel_size": 1, "activation": "softmax", "name": "mask"}}
    return {
        "model": {"inputs": {"image": [4, 4, 3]}, "layers": [conv]},
        "data": {
            "source": {"csv": "d/t.csv"},
            "inputs": {"image": {"column": "photo", "read": "image", "size": 4}},
            "targets": {
                "mask": {"column": "region", "read": "mask", "size": 4, "mask_values": [0, 255]}
            },
            **changed,
        },
        "training": {"loss": "sparse_categorical_crossentropy", "batch_size": 4, "epochs": 1},
    }


def prepared(spec: Any) -> Any:
    checked = compile_spec(spec)
    assert checked.ok, [str(one) for one in checked.diagnostics]
    return prepare(checked.value).parts["train"].examples


def test_files_that_columns_name_are_read_as_those_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = paths_spec(tmp_path)
    found = prepared(spec)
    folders = {"path": "d/photos", "masks": "d/regions", "size": 4, "mask_values": [0, 255]}
    spec["data"] = {
        "source": {"images": folders},
        "inputs": {"image": {"column": "image"}},
        "targets": {"mask": {"column": "mask"}},
    }
    expected = prepared(spec)
    np.testing.assert_array_equal(found.inputs["image"], expected.inputs["image"])
    np.testing.assert_array_equal(found.targets["mask"], expected.targets["mask"])
    assert found.targets["mask"].dtype == np.int32


def test_several_columns_of_a_parquet_file_make_several_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.chdir(tmp_path)
    spec = paths_spec(tmp_path)
    photos = [f"photos/{index}.png" for index in range(8)]
    table = {"left": photos, "right": photos[::-1], "y": list(range(8))}
    pq.write_table(pa.table(table), tmp_path / "d/t.parquet")
    spec["model"] = {
        "inputs": {"left": [6, 8, 3], "right": [4, 4, 1]},
        "layers": [
            {"Flatten": {"from": "left", "name": "a"}},
            {"Flatten": {"from": "right", "name": "b"}},
            {"Concatenate": {"from": ["a", "b"]}},
            {"Dense": {"units": 1, "name": "y"}},
        ],
    }
    grey = {"size": 4, "color_mode": "grayscale"}
    spec["data"] = {
        "source": {"parquet": "d/t.parquet"},
        "where": "y > 2",
        "inputs": {
            "left": {"column": "left", "read": "image"},
            "right": {"column": "right", "read": "image", **grey},
        },
        "targets": "y",
    }
    spec["training"]["loss"] = "mse"
    found = prepared(spec)
    whole = opened({"images": "d/photos"}, tmp_path).column("image")
    small = opened({"images": {"path": "d/photos", **grey}}, tmp_path).column("image")
    np.testing.assert_array_equal(found.inputs["left"], whole[3:])
    np.testing.assert_array_equal(found.inputs["right"], small[::-1][3:])


def test_files_that_are_not_there_are_named_with_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p").mkdir()
    monkeypatch.chdir(tmp_path / "p")
    spec = paths_spec(tmp_path / "p")
    save(tmp_path / "secret.png", image())
    (tmp_path / "p/d/t.csv").write_text(
        "photo,region\nphotos/0.png,regions/0.png\nnone.png,\n../../secret.png,regions/1.png\n"
    )
    with pytest.raises(DataError) as error:
        prepared(spec)
    assert [f"{one.code} {one.message}" for one in error.value.diagnostics] == [
        "MS601 `d/none.png` does not exist (d/t.csv:3)",
        f"MS210 `../secret.png` leads to {tmp_path / 'secret.png'}, outside the project and"
        " the allowed places (d/t.csv:4)",
        "MS680 no file is named (d/t.csv:3)",
    ]


def test_how_files_are_read_is_part_of_the_key_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELSPEC_CACHE", str(tmp_path / "cache"))
    spec = paths_spec(tmp_path, cache="disk")
    first = np.asarray(prepared(spec).targets["mask"])
    spec["data"]["targets"]["mask"]["mask_values"] = [255, 0]
    np.testing.assert_array_equal(prepared(spec).targets["mask"], 1 - first)
    spec["data"]["inputs"]["image"]["interpolation"] = "nearest"
    prepared(spec)
    save(tmp_path / "d/photos/0.png", image())
    prepared(spec)
    assert len(list((tmp_path / "cache").glob("*/entry.json"))) == 4


# A model ------------------------------------------------------------------------------------------


def test_a_model_learns_masks_from_images_that_are_varied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bright rectangles on a dark ground, whose masks are known."""
    monkeypatch.chdir(tmp_path)
    for index in range(40):
        pixels, mask = RANDOM.integers(0, 60, (16, 16, 3), np.uint8), np.zeros((16, 16), np.uint8)
        top, left = RANDOM.integers(0, 8, 2)
        pixels[top : top + 7, left : left + 8] += 150
        mask[top : top + 7, left : left + 8] = 255
        save(tmp_path / f"images/{index}.png", pixels)
        save(tmp_path / f"masks/{index}.png", mask)
    conv = {"filters": 8, "kernel_size": 3, "padding": "same", "activation": "relu"}
    head = {"filters": 2, "kernel_size": 1, "activation": "softmax", "name": "mask"}
    spec = {
        "seed": 2,
        "model": {
            "inputs": {"image": [16, 16, 3]},
            "layers": [{"Conv2D": conv}, {"Conv2D": conv}, {"Conv2D": head}],
        },
        "data": {
            "source": {"images": {"path": "images", "masks": "masks", "mask_values": [0, 255]}},
            "split": {"validation": 0.25},
            "inputs": {"image": {"column": "image", "transform": [{"Rescaling": 1 / 255}]}},
            "targets": {"mask": {"column": "mask"}},
            "augment": {
                "layers": [
                    {"RandomFlip": "horizontal"},
                    {"RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2}},
                    {"RandomBrightness": {"factor": 0.1, "value_range": [0, 1]}},
                ],
                "on": ["image", "mask"],
            },
        },
        "training": {
            "optimizer": {"Adam": 0.01},
            "loss": "sparse_categorical_crossentropy",
            "metrics": [{"MeanIoU": {"num_classes": 2, "sparse_y_pred": False}}],
            "epochs": 8,
            "batch_size": 6,
        },
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    run = ms.load_spec(tmp_path / "spec.json").train(run_dir=tmp_path / "run")
    assert run.by_part["validation"]["mean_io_u"] > 0.9

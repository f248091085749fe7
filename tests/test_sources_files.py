"""images, text and skipgrams: folders and tables of files, and what in them cannot be read."""

from __future__ import annotations

import gzip
import io
import math
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modelspec.runtime.data import DataError
from modelspec.runtime.data.sources.formats import files

from .sources import as_spec, faults, in_blocks, opened

RANDOM = np.random.default_rng(0)
RED = np.zeros((4, 6, 3), np.uint8)
RED[..., 0] = 200


def save(path: Path, values: Any, mode: str | None = None, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    (image.convert(mode) if mode else image).save(path, **options)


def image(folder: Path, **settings: Any) -> Any:
    """The only image of a folder."""
    return opened({"images": {"path": ".", **settings}}, folder).column("image")[0]


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that claims a size, whatever its data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    images = RANDOM.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
    for index, values in enumerate(images):
        save(tmp_path / f"photos/{'ba'[index % 2]}/{index}.png", values)
    (tmp_path / "photos/a/.hidden").write_bytes(b"x")
    (tmp_path / "photos/Thumbs.db").write_bytes(b"x")
    table = opened({"images": "photos"}, tmp_path)
    assert table.names == ("image", "label") and table.count == 6
    assert table.column("label").tolist() == ["a", "a", "a", "b", "b", "b"]
    np.testing.assert_array_equal(table.column("image"), images[[1, 3, 5, 0, 2, 4]])
    found = in_blocks(opened({"images": "photos"}, tmp_path), ["image", "label"], 4)
    np.testing.assert_array_equal(found["image"], table.column("image"))
    assert found["label"].tolist() == table.column("label").tolist()
    assert table.place("image", (3, 0, 1, 2)) == "photos/b/0.png [0, 1, 2]"
    print_ = table.fingerprint
    save(tmp_path / "photos/b/0.png", images[1])
    assert opened({"images": "photos"}, tmp_path).fingerprint != print_


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "jpg"])
def test_formats(tmp_path: Path, ending: str) -> None:
    save(tmp_path / f"x.{ending}", RED, **({"quality": 95} if ending == "jpg" else {}))
    assert np.abs(image(tmp_path).astype(int) - RED).max() <= 3 * (ending == "jpg")
    (tmp_path / f"x.{ending}").rename(tmp_path / "x.dat")  # the content counts, not the ending
    assert image(tmp_path).shape == (4, 6, 3)


def test_grey_among_colors_and_colors_among_grey(tmp_path: Path) -> None:
    grey = RANDOM.integers(0, 256, (4, 6), dtype=np.uint8)
    save(tmp_path / "a.png", grey)
    np.testing.assert_array_equal(image(tmp_path), np.stack([grey] * 3, -1))
    np.testing.assert_array_equal(image(tmp_path, color_mode="grayscale"), grey[..., None])
    assert image(tmp_path, color_mode="rgba")[..., 3].min() == 255
    save(tmp_path / "a.png", RED)
    assert image(tmp_path, color_mode="grayscale")[0, 0, 0] == round(0.299 * 200)


def test_palette_alpha_and_bits(tmp_path: Path) -> None:
    Image.fromarray(RED).quantize(16).save(tmp_path / "a.png")
    np.testing.assert_array_equal(image(tmp_path), RED)
    assert image(tmp_path, color_mode="grayscale").max() == round(0.299 * 200)
    save(tmp_path / "a.png", np.dstack([RED, np.full((4, 6), 7, np.uint8)]))
    np.testing.assert_array_equal(image(tmp_path), RED)
    assert image(tmp_path, color_mode="rgba")[0, 0].tolist() == [200, 0, 0, 7]
    save(tmp_path / "a.png", RED[..., 0] > 0)
    assert image(tmp_path, color_mode="grayscale").min() == 255


def test_cmyk_and_the_rotation_of_a_camera(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", RED, "CMYK", quality=95)
    assert np.abs(image(tmp_path).astype(int) - RED).max() < 12
    (tmp_path / "a.jpg").unlink()
    turned = np.zeros((4, 6, 3), np.uint8)
    turned[:, :3] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    save(tmp_path / "b.png", turned, exif=exif)
    found = image(tmp_path)
    assert found.shape == (6, 4, 3) and found[:3].min() == 255 and found[3:].max() == 0


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((3, 3), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert set(image(tmp_path, color_mode="grayscale").ravel().tolist()) == {10}


def test_sizes(tmp_path: Path) -> None:
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = 255
    save(tmp_path / "a.png", wide)
    assert image(tmp_path, size=[2, 2], crop_to_aspect_ratio=True).min() == 255
    padded = image(tmp_path, size=[8, 8], pad_to_aspect_ratio=True)
    assert padded[:2].max() == 0 and padded[2:6, 3:5].min() == 255 and padded[6:].max() == 0
    assert image(tmp_path, size=2, interpolation="area")[0, :, 0].tolist() == [128, 128]
    for how in ("bilinear", "nearest", "bicubic", "lanczos3"):
        assert image(tmp_path, size=[3, 5], interpolation=how).shape == (3, 5, 3)


def test_images_of_different_sizes(tmp_path: Path) -> None:
    save(tmp_path / "a.png", RED)
    save(tmp_path / "b.png", RED[:3])
    assert faults({"images": "."}, tmp_path) == [
        "MS646 `./b.png` has 6 x 3 pixels, but `./a.png` has 6 x 4"
    ]
    assert faults({"images": {"path": ".", "size": [4, 6]}}, tmp_path) == []


def broken_files(folder: Path) -> int:
    whole = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole, "JPEG")
    bad = [
        b"",
        b"garbage",
        whole.getvalue()[:600],
        png(6, 4, b"short"),
        b"RIFF\0\0\0\0WEBP",
        b"II*\0" + b"\0" * 99,
    ]
    for index, data in enumerate(bad * 3):
        (folder / f"bad{index:02}.png").write_bytes(data)
    return 3 * len(bad)


@pytest.mark.parametrize("passes", [False, True])
def test_files_that_do_not_decode_are_ten_and_a_count(tmp_path: Path, passes: bool) -> None:
    save(tmp_path / "a.png", RED)
    count = broken_files(tmp_path)
    try:
        table = opened({"images": "."}, tmp_path)
        list(table.blocks(["image"], 2)) if passes else table.column("image")
    except DataError as error:
        found = [f"{one.code} {one.message}" for one in error.diagnostics]
    assert len(found) == 11 and all(one.startswith("MS644 `./bad0") for one in found[:10])
    assert found[10] == f"MS644 {count - 10} more of the same kind"
    assert found[0] == "MS644 `./bad00.png` is not a readable image: it is empty"
    assert found[4].endswith("it is a damaged WebP file")


def test_files_that_do_not_decode_may_be_left_out(tmp_path: Path) -> None:
    save(tmp_path / "p/x/a.png", RED)
    save(tmp_path / "p/y/z.png", RED)
    (tmp_path / "p/y/b.png").write_bytes(b"garbage")
    table = opened({"images": {"path": "p", "unreadable": "skip"}}, tmp_path)
    assert table.count == 2 and table.column("label").tolist() == ["x", "y"]
    assert table.place("image", (1,)) == "p/y/z.png"
    assert [f"{one.severity} {one.message}" for one in table.warnings] == [
        "warning 1 of 3 files of p cannot be decoded and are left out"
    ]
    assert table.warnings[0].notes[0].message.startswith("`p/y/b.png` is not a readable image")


def test_bombs_are_refused_by_their_header(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(10_000, 9_000))
    assert faults({"images": "."}, tmp_path) == [
        "MS645 `./a.png` has 10000 x 9000 pixels, more than `max_pixels: 50000000`"
    ]
    (tmp_path / "a.png").write_bytes(png(100_000, 100_000))
    assert [one[:5] for one in faults({"images": "."}, tmp_path)] == ["MS645"]


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    save(tmp_path / "secret.png", RED)
    save(tmp_path / "p/x/a.png", RED)
    (tmp_path / "p/x/b.png").symlink_to(tmp_path / "secret.png")
    assert faults({"images": "p"}, tmp_path) == [
        f"MS210 `p/x/b.png` is a link to {tmp_path / 'secret.png'}, outside of its folder"
    ]
    (tmp_path / "p/x/b.png").unlink()
    (tmp_path / "p/y").symlink_to(tmp_path / "p/x")
    assert [one[:5] for one in faults({"images": "p"}, tmp_path)] == ["MS210"]


def test_folders_that_are_empty_or_mixed(tmp_path: Path) -> None:
    (tmp_path / "p/x").mkdir(parents=True)
    assert faults({"images": "p"}, tmp_path) == ["MS647 the class folder `p/x` is empty"]
    assert faults({"images": "p/x"}, tmp_path) == ["MS647 the folder `p/x` is empty"]
    save(tmp_path / "p/x/a.png", RED)
    save(tmp_path / "p/b.png", RED)
    assert faults({"images": "p"}, tmp_path) == [
        "MS647 `b.png` lies beside the class folders of `p`"
    ]
    assert faults({"images": "nowhere"}, tmp_path) == ["MS601 `nowhere` does not exist"]


def test_a_table_of_images(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / f"photos/{index}.png", RED + np.uint8(index))
    (tmp_path / "labels.csv").write_text("score,file\n0.5,2.png\n1.5,0.png\n")
    source = {"images": {"csv": "labels.csv", "column": "file", "root": "photos"}}
    table = opened(source, tmp_path)
    assert table.names == ("image", "score") and table.column("score").tolist() == [0.5, 1.5]
    assert table.column("image")[:, 0, 0, 0].tolist() == [202, 200]
    assert table.place("score", (1,)) == "labels.csv:3" and table.place("image", (0,)) == "2.png"
    (tmp_path / "labels.csv").write_text(
        "file\n" + "".join(f"no{i}.png\n" for i in range(12)) + "../labels.csv\n"
    )
    found = faults({"images": {"csv": "labels.csv", "root": "photos"}}, tmp_path)
    assert (
        found[0] == "MS601 the image `no0.png` does not exist (labels.csv:2)" and len(found) == 12
    )
    assert "MS210 `../labels.csv` is outside of the images' folder (labels.csv:14)" in found


# Text ---------------------------------------------------------------------------------------------


def test_texts_of_class_folders(tmp_path: Path) -> None:
    for name, text in (("pos/1.txt", "good\n"), ("neg/2.txt", "\ufeffbad é"), ("neg/1.txt", "")):
        (tmp_path / "r" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "r" / name).write_text(text, encoding="utf-8")
    table = opened({"text": "r"}, tmp_path)
    assert table.column("text").tolist() == ["", "bad é", "good"]
    assert table.column("label").tolist() == ["neg", "neg", "pos"]
    assert in_blocks(table, ["text", "label"], 2)["label"].tolist() == ["neg", "neg", "pos"]
    assert opened({"text": {"path": "r", "max_length": 2}}, tmp_path).column("text").tolist() == [
        "",
        "ba",
        "go",
    ]
    (tmp_path / "r/neg/3.txt").write_bytes(b"ok\n\xff")
    assert faults({"text": "r"}, tmp_path) == ["MS603 r/neg/3.txt:2 is not UTF-8: byte 0xff"]
    (tmp_path / "r/neg/3.pdf").write_bytes(b"")
    assert faults({"text": "r"}, tmp_path) == ["MS647 `r/neg/3.pdf` is not a .txt file"]


def test_files_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\n\r\ntwo é\n".encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"three\n"))
    table = opened({"text": "a.txt"}, tmp_path)
    assert (
        table.column("text").tolist() == ["one", "two é"] and table.place("text", (1,)) == "a.txt:3"
    )
    assert opened({"text": ["a.txt", "b.txt.gz"]}, tmp_path).column("text").tolist() == [
        "one",
        "two é",
        "three",
    ]
    monkeypatch.setattr(files, "IN_MEMORY", 0)
    assert in_blocks(opened({"text": "a.txt"}, tmp_path), ["text"], 1)["text"].tolist() == [
        "one",
        "two é",
    ]
    (tmp_path / "a.txt").write_bytes(b"x\n\xff\n")
    assert faults({"text": "a.txt"}, tmp_path) == ["MS603 a.txt:2 is not UTF-8: byte 0xff"]


# Skipgrams ----------------------------------------------------------------------------------------


def keras_skipgrams(
    sequence: list[int], size: int, window: int, negative: float, table: Any, seed: int
) -> Any:
    """What older Keras documents of `skipgrams`, written down once more, with one seed for all it
    draws.
    """
    random.seed(seed)
    couples, labels = [], []
    for i, word in enumerate(sequence):
        if not word or (table is not None and table[word] < random.random()):
            continue
        for j in range(max(0, i - window), min(len(sequence), i + window + 1)):
            if j != i and sequence[j]:
                couples.append([word, sequence[j]])
                labels.append(1)
    if negative > 0:
        count = int(len(labels) * negative)
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, size - 1)] for i in range(count)]
        labels += [0] * count
    for values in (couples, labels):
        random.seed(seed)
        random.shuffle(values)
    return couples, labels


@pytest.mark.parametrize("negative", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("factor", [None, 1e-3])
def test_skipgrams_draws_what_keras_drew(
    tmp_path: Path, negative: float, factor: float | None
) -> None:
    words = RANDOM.integers(0, 50, 60).tolist()
    (tmp_path / "t.txt").write_text(" ".join(map(str, words)))
    settings = {
        "path": "t.txt",
        "vocabulary_size": 50,
        "window_size": 2,
        "negative_samples": negative,
        "seed": 7,
    }
    table = opened(
        {"skipgrams": settings | ({"sampling_factor": factor} if factor else {})}, tmp_path
    )
    kept = None
    if factor:
        rank = [max(1, i) for i in range(50)]
        likely = [factor * (r * (math.log(r) + 0.577) + 0.5 - 1 / (12 * r)) for r in rank]
        kept = [min(1.0, f / math.sqrt(f)) for f in likely]
    couples, labels = keras_skipgrams(words, 50, 2, negative, kept, 7)
    found = np.stack([table.column("target"), table.column("context")], -1)
    assert found.tolist() == couples and table.column("label").tolist() == labels


def test_skipgrams_of_columns_and_several_texts(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("1 2\n3 4\n")
    np.savez(tmp_path / "t.npz", w=np.array([[1, 2], [3, 4]]))
    (tmp_path / "t.jsonl").write_text('{"w": [1, 2]}\n{"w": [3, 4]}\n')
    (tmp_path / "t.csv").write_text("n,w\n1,1 2\n2,3 4\n")
    common = {"vocabulary_size": 5, "negative_samples": 0.0, "shuffle": False}
    for path, column in (
        ("t.txt", {}),
        ("t.npz", {"column": "w"}),
        ("t.jsonl", {"column": "w"}),
        ("t.csv", {"column": "w"}),
    ):
        table = opened({"skipgrams": {"path": path, **column, **common}}, tmp_path)
        assert table.column("target").tolist() == [1, 2, 3, 4] and table.column(
            "context"
        ).tolist() == [2, 1, 4, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 9", "MS655 word index 9 at t.txt:1 is outside `vocabulary_size: 5`"),
        ("1\n1 x", "MS655 `x` at t.txt:2 is not a word index"),
        ("1 -2", "MS655 `-2` at t.txt:1 is not a word index"),
        ("1.5 2", "MS655 `1.5` at t.txt:1 is not a word index"),
        ("1", "MS604 t.txt has no pair of nearby words"),
    ],
)
def test_words_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.txt").write_text(text)
    assert faults({"skipgrams": {"path": "t.txt", "vocabulary_size": 5}}, tmp_path) == [said]


def test_settings_that_contradict_each_other(tmp_path: Path) -> None:
    for settings in (
        {},
        {"path": "a", "csv": "b"},
        {"path": "a", "column": "x"},
        {"path": "a", "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
    ):
        with pytest.raises(ValueError, match=r"`images`|requires a table|cannot be used together"):
            opened({"images": as_spec(settings)}, tmp_path)

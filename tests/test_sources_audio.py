"""Audio files: the source `audio`, and columns of paths with `read: audio`.

Files are written by SciPy (WAV) and by `soundfile` (FLAC); NumPy computes what must be read.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from scipy.io import wavfile

from modelspec.catalog.sources import read_source
from modelspec.cli import main
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.settings import Context
from modelspec.runtime.data import DataError, prepare
from modelspec.runtime.data.sources import open_source

soundfile = pytest.importorskip("soundfile", reason="reading audio requires modelspec[audio]")
soxr = pytest.importorskip("soxr", reason="resampling audio requires modelspec[audio]")

RATE, LENGTH = 8000, 1000
RANDOM = np.random.default_rng(0)
TONES = {"high": 900.0, "low": 200.0}


def tone(frequency: float, rate: int = RATE, count: int = LENGTH) -> Any:
    """16-bit samples of a tone with a little noise."""
    wave = np.sin(2 * np.pi * frequency * np.arange(count) / rate)
    return np.round(12000 * wave + RANDOM.normal(0, 200, count)).astype(np.int16)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for label, frequency in TONES.items():
        (tmp_path / "clips" / label).mkdir(parents=True)
        for number in range(6):
            wavfile.write(tmp_path / f"clips/{label}/{number}.wav", RATE, tone(frequency))
    monkeypatch.chdir(tmp_path)


def table(**settings: Any) -> Any:
    context = Context(folder=Path.cwd(), project=Path.cwd())
    return open_source(read_source({"audio": {"path": "clips", **settings}}, context), context)


def stored(path: str) -> Any:
    return wavfile.read(path)[1]


def faults(error: DataError) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in error.diagnostics]


# Decoding -----------------------------------------------------------------------------------------


def test_a_folder_of_classes_has_sounds_and_labels() -> None:
    found = table()
    assert found.names == ("audio", "label")
    assert found.count == 12
    sounds = found.column("audio")
    assert (sounds.shape, sounds.dtype) == ((12, LENGTH), np.float32)
    expected = [stored(f"clips/{kind}/{at}.wav") / 32768 for kind in TONES for at in range(6)]
    np.testing.assert_array_equal(sounds, np.array(expected, np.float32))
    assert list(found.column("label")) == ["high"] * 6 + ["low"] * 6
    assert found.place("audio", (7, 3)) == "clips/low/1.wav [3]"
    blocks = list(found.blocks(("audio", "label"), 5))
    assert [len(one["audio"]) for one in blocks] == [5, 5, 2]
    np.testing.assert_array_equal(np.concatenate([one["audio"] for one in blocks]), sounds)


@pytest.mark.parametrize(
    ("format", "subtype", "bits"),
    [
        ("wav", "PCM_U8", 8),
        ("wav", "PCM_16", 16),
        ("wav", "PCM_24", 24),
        ("wav", "PCM_32", 32),
        ("flac", "PCM_16", 16),
        ("flac", "PCM_24", 24),
    ],
)
def test_samples_are_fractions_of_the_largest_level(format: str, subtype: str, bits: int) -> None:
    scale = 2 ** (bits - 1)
    whole = RANDOM.integers(-100, 100, LENGTH) * (scale // 2**7)
    for old in Path("clips").rglob("*.wav"):
        old.unlink()
    for label in TONES:
        soundfile.write(f"clips/{label}/0.{format}", whole / scale, RATE, subtype=subtype)
    np.testing.assert_allclose(table().column("audio")[0], whole / scale, atol=2**-24)


def test_mono_is_the_mean_of_the_channels_and_stereo_repeats_one() -> None:
    both = np.stack([tone(300), tone(500)], 1)
    wavfile.write("clips/low/0.wav", RATE, both)
    mono = table().column("audio")[6]
    np.testing.assert_allclose(mono, both.mean(1) / 32768, atol=1e-7)
    stereo = table(channels="stereo").column("audio")
    assert stereo.shape == (12, LENGTH, 2)
    np.testing.assert_array_equal(stereo[6], (both / 32768).astype(np.float32))
    one = (stored("clips/high/0.wav") / 32768).astype(np.float32)
    np.testing.assert_array_equal(stereo[0], np.stack([one, one], 1))


def test_sounds_are_cut_or_padded_to_one_length() -> None:
    wavfile.write("clips/low/0.wav", RATE, tone(300, count=700))
    wavfile.write("clips/low/1.wav", RATE, tone(300, count=1400))
    found = table(output_sequence_length=900).column("audio")
    short, long = stored("clips/low/0.wav") / 32768, stored("clips/low/1.wav") / 32768
    np.testing.assert_array_equal(found[6], np.pad(short, (0, 200)).astype(np.float32))
    np.testing.assert_array_equal(found[7], long[:900].astype(np.float32))


def test_a_tone_has_its_frequency_after_resampling() -> None:
    for label, frequency in TONES.items():
        wavfile.write(f"clips/{label}/0.wav", 44100, tone(frequency, 44100, 8 * LENGTH))
    found = table(sampling_rate=RATE, output_sequence_length=LENGTH).column("audio")
    for at, frequency in ((0, TONES["high"]), (6, TONES["low"])):
        spectrum = np.abs(np.fft.rfft(found[at].astype(np.float64) * np.hanning(LENGTH)))
        assert abs(spectrum.argmax() * RATE / LENGTH - frequency) <= RATE / LENGTH
    np.testing.assert_array_equal(found[1], (stored("clips/high/1.wav") / 32768).astype(np.float32))


# Faults -------------------------------------------------------------------------------------------


def test_every_damaged_file_is_named() -> None:
    whole = Path("clips/high/0.wav").read_bytes()
    Path("clips/high/1.wav").write_bytes(whole[:900])
    Path("clips/high/2.wav").write_bytes(b"")
    Path("clips/low/3.wav").write_bytes(b"not a sound at all")
    soundfile.write("clips/low/4.flac", np.zeros(4000), RATE)
    Path("clips/low/4.wav").write_bytes(Path("clips/low/4.flac").read_bytes()[:60])
    Path("clips/low/4.flac").unlink()
    wavfile.write("clips/low/5.wav", RATE, np.array([], np.int16))
    nothing = np.full(LENGTH, np.nan, np.float32)
    wavfile.write("clips/low/2.wav", RATE, nothing)
    with pytest.raises(DataError) as error:
        table().column("audio")
    found = faults(error.value)
    assert {code for code, _ in found} == {"MS719"}
    said = "\n".join(message for _, message in found)
    for name, words in {
        "high/1.wav": "truncated: its header claims 2,044 bytes, it has 900",
        "high/2.wav": "is empty",
        "low/2.wav": "not finite",
        "low/3.wav": "not a readable audio file",
        "low/4.wav": "not a readable audio file",
        "low/5.wav": "contains no samples",
    }.items():
        (one,) = [line for line in said.splitlines() if name in line]
        assert words in one
    assert "high/0.wav" not in said


def test_a_header_that_claims_too_much_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(DataError) as error:
        table(max_samples=500).column("audio")
    assert "`clips/high/0.wav` has 1,000 samples, more than `max_samples: 500`" in str(error.value)
    with pytest.raises(DataError) as error:
        table(sampling_rate=10 * RATE, max_samples=9999).column("audio")
    assert "has 10,000 samples at 80,000 per second" in str(error.value)
    sizes = struct.pack("<I", 2**32 - 2)
    raw = Path("clips/high/0.wav").read_bytes()
    Path("clips/high/0.wav").write_bytes(raw[:40] + sizes + raw[44:])
    with pytest.raises(DataError) as error:
        table().column("audio")
    assert faults(error.value)[0][0] == "MS719"
    assert "truncated" in faults(error.value)[0][1]


def test_a_wav_file_of_unknown_length_is_read() -> None:
    raw = Path("clips/high/0.wav").read_bytes()
    Path("clips/high/0.wav").write_bytes(raw[:40] + b"\xff\xff\xff\xff" + raw[44:])
    expected = np.frombuffer(raw[44:], np.int16) / 32768
    np.testing.assert_array_equal(table().column("audio")[0], expected.astype(np.float32))


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ((16000, LENGTH, 1), {}, "16,000 samples per second, but `clips/high/0.wav` has 8,000"),
        ((RATE, 700, 1), {}, "has 700 samples, but `clips/high/0.wav` has 1,000"),
        ((RATE, LENGTH, 3), {"channels": "stereo"}, "has 3 channels"),
    ],
)
def test_files_that_differ(change: Any, settings: Any, words: str) -> None:
    rate, count, channels = change
    wavfile.write("clips/low/2.wav", rate, np.stack([tone(300, count=count)] * channels, 1))
    with pytest.raises(DataError) as error:
        table(**settings).column("audio")
    (found,) = faults(error.value)
    assert found[0] == "MS718"
    assert found[1].startswith("`clips/low/2.wav`")
    assert words in found[1]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    monkeypatch.setattr(
        "modelspec.runtime.data.sources.formats.audio_decoder.find_spec",
        lambda name: None if name == "soundfile" else object(),
    )
    with pytest.raises(DataError) as error:
        table()
    assert faults(error.value)[0][0] == "MS717"
    assert error.value.diagnostics[0].help == "`pip install 'modelspec[audio]'`"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.wav"
    wavfile.write(outside, RATE, tone(100))
    Path("clips/low/9.wav").symlink_to(outside)
    with pytest.raises(DataError) as error:
        table()
    assert faults(error.value)[0][0] == "MS210"


# Specs --------------------------------------------------------------------------------------------


def spec(**data: Any) -> dict[str, Any]:
    return {
        "seed": 1,
        "model": {
            "inputs": {"sound": [LENGTH, 1]},
            "layers": [
                {"STFTSpectrogram": {"frame_length": 64, "frame_step": 32, "mode": "log"}},
                "GlobalAveragePooling1D",
                {"Dense": {"units": 1, "activation": "sigmoid", "name": "pitch"}},
            ],
        },
        "data": {
            "source": {"audio": {"path": "clips", "output_sequence_length": LENGTH}},
            "inputs": {"sound": {"column": "audio"}},
            "targets": {
                "pitch": {
                    "column": "label",
                    "transform": [{"StringLookup": {"num_oov_indices": 0}}],
                }
            },
            **data,
        },
        "training": {"loss": "binary_crossentropy", "epochs": 1, "batch_size": 4},
    }


def codes(given: dict[str, Any]) -> list[str]:
    return [one.code for one in compile_spec(given).diagnostics]


def test_the_shape_of_a_sound_is_checked_without_the_files() -> None:
    assert codes(spec()) == []
    wrong = spec(source={"audio": {"path": "clips", "output_sequence_length": 500}})
    assert codes(wrong) == ["MS700"]
    assert codes(spec(source={"audio": {"path": "clips", "channels": "stereo"}})) == ["MS700"]
    mel = {"MelSpectrogram": {"fft_length": 128, "num_mel_bins": 16, "sampling_rate": RATE}}
    given = spec(inputs={"sound": {"column": "audio", "transform": [mel]}})
    given["model"]["inputs"] = {"sound": [16, 2]}
    given["model"]["layers"][:2] = ["Flatten"]
    assert codes(given) == []
    given["model"]["inputs"] = {"sound": [16, 3]}
    assert codes(given) == ["MS626"]


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"read": "audio", "size": 8}, "MS208", "`size` does not apply to `read: audio`"),
        ({"read": "image", "sampling_rate": 8}, "MS208", "`sampling_rate` does not apply"),
        ({"sampling_rate": 8000}, "MS208", "`read` is missing"),
        ({"read": "audio", "sampling_rate": 0}, "MS205", "sampling_rate"),
        ({"read": "audio", "channels": "five"}, "MS205", "channels"),
        ({"read": "sound"}, "MS205", "read"),
    ],
)
def test_settings_that_do_not_apply(settings: Any, code: str, words: str) -> None:
    given = spec(source={"csv": "t.csv"}, inputs={"sound": {"column": "path", **settings}})
    found = compile_spec(given).diagnostics
    assert found[0].code == code
    assert words in str(found[0])


def test_a_column_of_paths_is_read_as_sounds() -> None:
    paths = [f"clips/{label}/{at}.wav" for at in range(6) for label in TONES]
    lines = [f"{path},{int('high' in path)}" for path in paths]
    Path("t.csv").write_text("path,pitch\n" + "\n".join(lines) + "\n")
    given = spec(
        source={"csv": "t.csv"},
        inputs={"sound": {"column": "path", "read": "audio", "output_sequence_length": LENGTH}},
        targets={"pitch": {"column": "pitch"}},
    )
    sounds = prepare(compile_spec(given).value).parts["train"].examples.inputs["sound"]
    expected = np.array([stored(path) / 32768 for path in paths], np.float32)
    np.testing.assert_array_equal(sounds, expected[..., None])
    Path("clips/low/0.wav").write_bytes(b"RIFF")
    Path("clips/low/1.wav").unlink()
    with pytest.raises(DataError) as error:
        prepare(compile_spec(given).value)
    assert "t.csv:5" in faults(error.value)[0][1]


@pytest.mark.tensorflow
def test_a_model_is_trained_on_sounds_and_predicts_a_file() -> None:
    given = spec(split={"test": 0.25, "stratify": "label"})
    given["training"] |= {"epochs": 25, "optimizer": {"Adam": 0.1}}
    Path("spec.yaml").write_text(yaml.safe_dump(given))
    runner = CliRunner()
    found = runner.invoke(main, ["train", "spec.yaml", "--quiet"])
    assert found.exit_code == 0, found.output
    (run,) = Path("runs").glob("*/1")
    for name in ("clips/high/0.wav", "clips/low/2.wav"):
        found = runner.invoke(main, ["predict", str(run), "--data", name])
        assert found.exit_code == 0, found.output
        assert Path(name).parent.name in found.output
    Path("clips/low/2.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    found = runner.invoke(main, ["predict", str(run), "--data", "clips/low/2.wav"])
    assert found.exit_code == 3
    assert "MS719" in found.output


@pytest.mark.tensorflow
def test_spectrograms_as_transforms_are_those_of_keras() -> None:
    import keras

    mel = {"fft_length": 128, "num_mel_bins": 16, "sampling_rate": RATE}
    given = spec(
        inputs={"sound": {"column": "audio", "transform": [{"MelSpectrogram": mel}]}},
    )
    expected = keras.layers.MelSpectrogram(**mel)(table().column("audio"))
    given["model"]["inputs"] = {"sound": list(expected.shape[1:])}
    given["model"]["layers"][:2] = ["Flatten"]
    found = prepare(compile_spec(given).value).parts["train"].examples.inputs["sound"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)

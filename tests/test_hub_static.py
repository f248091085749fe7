"""Backbones of KerasHub without KerasHub: types and parameters from the configuration of a preset,
which is as untrusted as a spec.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import modelspec as ms
from modelspec.catalog.layers.backbones import asked, presets
from modelspec.cli import main
from modelspec.core.places import granting

from .hub_presets import TEXT, WORDS, config, write_config, write_tokenizer

LARGE: dict[str, tuple[dict[str, Any], int]] = {
    "BertBackbone": (
        {"vocabulary_size": 30522, "num_layers": 2, "num_heads": 2, "hidden_dim": 128}
        | {"intermediate_dim": 512, "max_sequence_length": 512},
        4_385_920,
    ),
    "DistilBertBackbone": (
        {"vocabulary_size": 30522, "num_layers": 6, "num_heads": 12, "hidden_dim": 768}
        | {"intermediate_dim": 3072, "max_sequence_length": 512},
        66_362_880,
    ),
    "RobertaBackbone": (
        {"vocabulary_size": 50265, "num_layers": 12, "num_heads": 12, "hidden_dim": 768}
        | {"intermediate_dim": 3072, "max_sequence_length": 512},
        124_052_736,
    ),
    "AlbertBackbone": (
        {"vocabulary_size": 30000, "num_layers": 12, "num_heads": 12, "hidden_dim": 768}
        | {"intermediate_dim": 3072, "embedding_dim": 128, "num_groups": 1},
        11_683_584,
    ),
    "DebertaV3Backbone": (
        {"vocabulary_size": 128100, "num_layers": 12, "num_heads": 12, "hidden_dim": 768}
        | {"intermediate_dim": 3072, "bucket_size": 256},
        183_831_552,
    ),
    "GPT2Backbone": (
        {"vocabulary_size": 50257, "num_layers": 12, "num_heads": 12, "hidden_dim": 768}
        | {"intermediate_dim": 3072, "max_sequence_length": 1024},
        124_439_808,
    ),
    "GemmaBackbone": (
        {"vocabulary_size": 256000, "num_layers": 18, "num_query_heads": 8, "hidden_dim": 2048}
        | {"num_key_value_heads": 1, "intermediate_dim": 32768, "head_dim": 256},
        2_506_172_416,
    ),
    "LlamaBackbone": (
        {"vocabulary_size": 32000, "num_layers": 32, "num_query_heads": 32, "hidden_dim": 4096}
        | {"num_key_value_heads": 32, "intermediate_dim": 11008},
        6_738_415_616,
    ),
    "MistralBackbone": (
        {"vocabulary_size": 32000, "num_layers": 32, "num_query_heads": 32, "hidden_dim": 4096}
        | {"num_key_value_heads": 8, "intermediate_dim": 14336},
        7_241_732_096,
    ),
    "ViTBackbone": (
        {"image_shape": [224, 224, 3], "patch_size": [16, 16], "num_layers": 12, "num_heads": 12}
        | {"hidden_dim": 768, "mlp_dim": 3072},
        85_798_656,
    ),
}
"""The settings of published presets, and the parameters that KerasHub publishes for them."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec(entry: Any, length: int | None = 10, **training: Any) -> dict[str, Any]:
    """A spec with a backbone of text and a head."""
    sections: dict[str, Any] = {
        "model": {
            "inputs": {"tokens": {"shape": [length], "dtype": "int32"}},
            "layers": [
                {"KerasHub": {"name": "hub", **entry}},
                {"Dense": {"units": 1, "name": "y", "from": entry.get("taken", "hub")}},
            ],
        }
    }
    return sections | ({"training": {"loss": "mse", **training}} if training else {})


def faults(value: Any) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in ms.check(value).diagnostics]


# Types and parameters -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LARGE)
def test_parameters_are_those_that_kerashub_publishes(kind: str) -> None:
    settings, parameters = LARGE[kind]
    inputs: dict[str, Any] = {
        "tokens": {"shape": [None], "dtype": "int32"},
        "mask": {"shape": [None], "dtype": "int32"},
    }
    given: Any = {"token_ids": "tokens", "padding_mask": "mask"}
    if kind == "ViTBackbone":
        inputs, given = {"images": [224, 224, 3]}, "images"
    layer = {"backbone": {kind: settings}, "from": given, "name": "hub"}
    found = ms.load_spec({"model": {"inputs": inputs, "layers": [{"KerasHub": layer}],
                                    "outputs": _outputs(kind)}})  # fmt: skip
    assert found.graph.parameters == parameters


def _outputs(kind: str) -> list[str]:
    return ["hub.pooled_output"] if kind in ("BertBackbone", "AlbertBackbone") else ["hub"]


def test_outputs_are_selected_by_name(folder: Path) -> None:
    write_config(folder / "bert", "BertBackbone", TEXT)
    entry = {"preset": "./bert", "outputs": ["transformer_layer_1", "pooled_output"]}
    model = spec(entry)["model"]
    model["layers"][1]["Dense"]["from"] = "hub.pooled_output"
    found = ms.load_spec({"model": {**model, "outputs": ["y", "hub.transformer_layer_1"]}})
    assert found.graph.layers[0].output_shape == [(None, 10, 8), (None, 8)]
    assert list(found.graph.outputs.values())[1].shape == (None, 10, 8)


def test_a_check_loads_no_framework(folder: Path) -> None:
    write_config(folder / "bert", "BertBackbone", TEXT)
    write_tokenizer(folder / "bert")
    value = spec({"preset": "./bert", "outputs": "pooled_output"})
    (folder / "s.yaml").write_text(yaml.safe_dump({**value, "data": data()}))
    script = """
import sys, modelspec as ms
report = ms.check("s.yaml")
assert [one.code for one in report.diagnostics if one.severity == "error"] == [], report
assert not {"numpy", "keras", "tensorflow", "keras_hub", "tokenizers"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def data(preset: str = "./bert") -> dict[str, Any]:
    tokens = {"KerasHubTokenizer": {"preset": preset, "length": 10}}
    return {
        "source": {"csv": "d.csv"},
        "inputs": {"tokens": {"column": "text", "transform": [tokens]}},
        "targets": {"y": "label"},
    }


def test_inner_layers_are_frozen_by_pattern(folder: Path) -> None:
    write_config(folder / "bert", "DistilBertBackbone", TEXT)
    layer = 4 * (8 * 8 + 8) + 2 * 2 * 8 + (8 * 16 + 16) + (16 * 8 + 8)
    whole = (20 + 12) * 8 + 2 * 8 + 2 * layer
    for patterns, frozen in (
        (["hub/transformer_layer_*"], 2 * layer),
        (["hub/transformer_layer_0/self_attention_layer"], 4 * (8 * 8 + 8)),
        (["hub/token_and_position_embedding/token_embedding"], 20 * 8),
        (["hub"], whole),
    ):
        found = ms.load_spec(spec({"preset": "./bert"}, freeze=patterns)).graph
        assert found.parameters == whole + 9
        assert found.trainable_parameters == whole + 9 - frozen
        own = [one.removeprefix("hub/") for one in patterns]
        if own != ["hub"]:
            again = ms.load_spec(spec({"preset": "./bert", "freeze": own})).graph
            assert again.trainable_parameters == found.trainable_parameters


def test_inner_layers_get_adapters_by_pattern(folder: Path) -> None:
    write_config(folder / "bert", "DistilBertBackbone", TEXT)
    lora = {"rank": 3, "layers": ["hub/*/self_attention_layer/query"], "train": ["y"]}
    found = ms.load_spec(spec({"preset": "./bert"}, lora=lora)).graph
    assert found.trainable_parameters == 2 * (8 * 2 * 3 + 3 * 4) + 9
    nothing = {"rank": 3, "layers": ["hub/transformer_layer_7/*/query"]}
    assert [code for code, _ in faults(spec({"preset": "./bert"}, lora=nothing))] == ["MS531"]


def test_show_prints_the_backbone(folder: Path) -> None:
    write_config(folder / "bert", "BertBackbone", TEXT)
    (folder / "s.yaml").write_text(
        yaml.safe_dump(spec({"preset": "./bert", "outputs": "pooled_output"}))
    )
    result = CliRunner().invoke(main, ["show", "s.yaml"])
    assert result.exit_code == 0, result.output
    assert "KerasHub" in result.output and "[8]" in result.output


# Calls --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "length", "code", "words"),
    [
        ({}, 13, "MS555", "13 tokens"),
        ({"outputs": "sequence_outptu"}, 10, "MS556", "sequence_outptu"),
        ({"outputs": ["output", "output"]}, 10, "MS205", "twice"),
        ({"freeze": ["transformer_layer_9"]}, 10, "MS557", "transformer_layer_9"),
        ({"padding_id": -1}, 10, "MS204", "at least 0"),
        ({"backbone": {"BertBackbone": {}}}, 10, "MS208", "either"),
        ({"from": {"images": "tokens"}}, 10, "MS311", "images"),
    ],
)
def test_wrong_settings_are_reported_once(
    folder: Path, entry: Any, length: int, code: str, words: str
) -> None:
    write_config(folder / "bert", "DistilBertBackbone", TEXT)
    ((found, message),) = faults(spec({"preset": "./bert", **entry}, length))
    assert found == code
    assert words in message


def test_floats_and_other_lengths_are_refused(folder: Path) -> None:
    write_config(folder / "bert", "DistilBertBackbone", TEXT)
    value = spec({"preset": "./bert"})
    value["model"]["inputs"]["tokens"]["dtype"] = "float32"
    assert [code for code, _ in faults(value)] == ["MS404"]
    value = spec({"preset": "./bert", "from": {"token_ids": "tokens", "padding_mask": "mask"}})
    value["model"]["inputs"]["mask"] = {"shape": [9], "dtype": "int32"}
    assert [code for code, _ in faults(value)] == ["MS403"]
    value["model"]["inputs"]["mask"]["shape"] = [10]
    assert faults(value) == []


def test_a_family_without_padding_token_requires_the_mask(folder: Path) -> None:
    write_config(folder / "gpt", "GPT2Backbone", TEXT)
    ((code, message),) = faults(spec({"preset": "./gpt"}))
    assert code == "MS310" and "padding_mask" in message
    assert faults(spec({"preset": "./gpt", "padding_id": 0})) == []


# Untrusted files ----------------------------------------------------------------------------------


def _file(content: Any) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def _nested(value: Any) -> dict[str, Any]:
    return config("RetinaNetBackbone", {"image_encoder": value})


LAMBDA: dict[str, Any] = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {},
    "registered_name": None,
}
UNSAFE: dict[str, tuple[Any, str, str]] = {
    "not JSON": (b"{", "MS748", "not JSON"),
    "bytes": (b"\xff\xfe\x00", "MS748", "not JSON"),
    "deep": (b"[" * 100_000, "MS748", "not JSON"),
    "a list": ([], "MS748", "registered_name"),
    "of transformers": ({"model_type": "bert"}, "MS748", "registered_name"),
    "without settings": ({"registered_name": "keras_hub>BertBackbone"}, "MS748", "no `config`"),
    "Lambda": ({**LAMBDA, "registered_name": "Lambda"}, "MS749", "Lambda"),
    "another package": (
        {"registered_name": "evil>BertBackbone", "config": TEXT},
        "MS749",
        "evil>BertBackbone",
    ),
    "Keras": ({"registered_name": "BertBackbone", "config": TEXT}, "MS749", "BertBackbone"),
    "a tokenizer": (config("BertTokenizer", {}), "MS749", "BertTokenizer"),
    "a nested class": (_nested(LAMBDA), "MS749", "Lambda"),
    "a nested class of another package": (
        _nested({"class_name": "ResNetBackbone", "registered_name": "evil>ResNetBackbone"}),
        "MS749",
        "ResNetBackbone",
    ),
    "quantized": (
        config("BertBackbone", {**TEXT, "dtype": {"class_name": "DTypePolicyMap", "config": {}}}),
        "MS749",
        "quantized",
    ),
    "many layers": (config("BertBackbone", {**TEXT, "num_layers": 10**9}), "MS748", "num_layers"),
    "no size": (config("BertBackbone", {**TEXT, "hidden_dim": "8"}), "MS748", "hidden_dim"),
    "no head": (config("BertBackbone", {**TEXT, "num_heads": 3}), "MS748", "multiple"),
    "a missing setting": (
        config("BertBackbone", {key: one for key, one in TEXT.items() if key != "num_layers"}),
        "MS748",
        "does not exist",
    ),
    "large": (b" " * (4 * 1024 * 1024 + 1), "MS748", "bytes"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_a_preset_of_a_stranger_is_refused(folder: Path, name: str) -> None:
    content, code, words = UNSAFE[name]
    (folder / "bert").mkdir()
    (folder / "bert" / "config.json").write_bytes(_file(content))
    ((found, message),) = faults(spec({"preset": "./bert"}))
    assert found == code
    assert words in message or words == "bytes"


def test_links_out_of_the_preset_are_not_followed(folder: Path) -> None:
    write_config(folder / "other", "DistilBertBackbone", TEXT)
    (folder / "bert").mkdir()
    (folder / "bert" / "config.json").symlink_to(folder / "other" / "config.json")
    ((code, message),) = faults(spec({"preset": "./bert"}))
    assert code == "MS748" and "link" in message
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe" / "config.json")
    assert [code for code, _ in faults(spec({"preset": "./pipe"}))] == ["MS748"]


def test_paths_and_names_need_a_grant_of_the_user(folder: Path) -> None:
    write_config(folder / "bert", "DistilBertBackbone", TEXT)
    project = folder / "project"
    project.mkdir()
    (project / "s.yaml").write_text(yaml.safe_dump(spec({"preset": "../bert"})))
    os.chdir(project)
    assert [one.code for one in ms.check("s.yaml").diagnostics] == ["MS210"]
    with granting([folder / "bert"]):
        assert ms.check("s.yaml").diagnostics == ()


@pytest.mark.parametrize(
    ("preset", "code", "words"),
    [
        ("bert_tiny_en_uncased", "MS756", "--allow-host www.kaggle.com"),
        ("kaggle://keras/bert/keras/bert_tiny_en_uncased", "MS756", "--allow-host"),
        ("hf://keras/bert_tiny_en_uncased", "MS682", "--data-root"),
        ("https://host/preset", "MS204", "hf://"),
        ("./missing", "MS748", "save_to_preset"),
    ],
)
def test_a_spec_downloads_nothing_by_itself(preset: str, code: str, words: str) -> None:
    (found,) = ms.check(spec({"preset": preset})).diagnostics
    assert found.code == code
    assert words in f"{found.message} {found.help}"


class Fake:
    """Answers of KerasHub."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    def to(self, question: Any, key: Any, *, fresh: bool = False) -> Any:
        self.asked += 1
        return self.answer


def test_a_name_is_downloaded_if_the_user_allows_the_host(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_config(folder / "cache", "DistilBertBackbone", TEXT) / "config.json"
    fake = Fake({"path": str(file)})
    monkeypatch.setattr(asked, "_ANSWERS", fake)
    monkeypatch.setattr(asked, "find_spec", lambda name: object())
    presets._downloaded.cache_clear()
    value = spec({"preset": "distil_bert_base_en"})
    assert [code for code, _ in faults(value)] == ["MS756"]
    assert fake.asked == 0
    with granting(hosts=["www.kaggle.com"]):
        assert ms.check(value).diagnostics == ()
    assert fake.asked == 1
    presets._downloaded.cache_clear()
    fake.answer = {"fault": "raised ConnectionError: no route"}
    with granting(hosts=["www.kaggle.com"]):
        ((code, message),) = faults(value)
    assert code == "MS756" and "no route" in message
    presets._downloaded.cache_clear()


def test_other_backbones_require_kerashub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "find_spec", lambda name: None)
    write_config(folder / "bert", "DistilBertBackbone", TEXT)
    assert faults(spec({"preset": "./bert"})) == []
    ((code, message),) = faults(spec({"backbone": {"XLNetBackbone": {"num_layers": 1}}}))
    assert code == "MS755" and "XLNetBackbone" in message


# Tokenizers ---------------------------------------------------------------------------------------


def test_the_tokens_of_a_preset_have_its_length(folder: Path) -> None:
    write_config(folder / "bert", "BertBackbone", TEXT)
    value = {**spec({"preset": "./bert", "outputs": "pooled_output"}), "data": data()}
    assert [code for code, _ in faults(value)] == ["MS757"]
    write_tokenizer(folder / "bert")
    assert faults(value) == []
    unsafe: list[dict[str, Any]] = [
        {"vocabulary": "/etc/passwd"},
        {"config_file": "../secret.json"},
        {"a": {}},
    ]
    for settings in unsafe:
        write_tokenizer(folder / "bert", **settings)
        assert [code for code, _ in faults(value)] == ["MS757"]
    write_tokenizer(folder / "bert", kind="Evil")
    assert [code for code, _ in faults(value)] == ["MS749"]


def test_tokens_of_another_vocabulary_are_reported(folder: Path) -> None:
    for name, words in (("bert", WORDS), ("other", [*WORDS[:5], *reversed(WORDS[5:])])):
        write_config(folder / name, "BertBackbone", TEXT)
        write_tokenizer(folder / name, words)
    value = spec({"preset": "./bert", "outputs": "pooled_output"})
    (found,) = ms.check({**value, "data": data("./other")}).diagnostics
    assert (found.code, found.severity) == ("MS598", "warning")
    assert "another vocabulary" in found.message
    write_tokenizer(folder / "other", WORDS)
    assert faults({**value, "data": data("./other")}) == []

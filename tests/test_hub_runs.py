"""Backbones of KerasHub against KerasHub itself, and runs that train them. KerasHub writes the
presets, which are small and random.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import modelspec as ms
from modelspec.catalog.layers.backbones import described
from modelspec.catalog.layers.backbones.config import made
from modelspec.catalog.layers.backbones.families import FAMILIES
from modelspec.runtime.data import RunError
from modelspec.runtime.run import Run, Watcher, resume, train

from .hub_presets import TEXT, bert

pytest.importorskip("keras_hub", reason="requires modelspec[hub]")
pytestmark = pytest.mark.tensorflow


# Descriptions against KerasHub --------------------------------------------------------------------


def drawn(kind: str, seed: int) -> dict[str, Any]:
    """Small settings for a class of backbone."""
    rng = random.Random(f"{kind} {seed}")
    heads = rng.choice([1, 2, 4])
    size = heads * rng.choice([2, 4])
    common = {
        "vocabulary_size": rng.randint(5, 30),
        "num_layers": rng.randint(1, 3),
        "hidden_dim": size,
        "intermediate_dim": 2 * rng.randint(3, 9),
    }
    if kind == "ViTBackbone":
        flags = ("use_class_token", "use_patch_bias", "use_mha_bias", "use_mlp_bias")
        return {
            "image_shape": [8, 12, rng.randint(1, 4)],
            "patch_size": rng.choice([4, [2, 4]]),
            "num_layers": common["num_layers"],
            "num_heads": heads,
            "hidden_dim": size,
            "mlp_dim": common["intermediate_dim"],
            **{flag: rng.random() < 0.5 for flag in flags},
        }
    if kind in GROUPED:
        keys = rng.choice([one for one in (1, 2, 4) if heads % one == 0])
        grouped = {**common, "num_query_heads": heads, "num_key_value_heads": keys}
        return grouped | {name: rng.choice(values) for name, values in GROUPED[kind].items()}
    more = {} if kind == "FNetBackbone" else {"num_heads": heads}
    more |= {name: rng.choice(values) for name, values in FURTHER.get(kind, {}).items()}
    if kind == "ElectraBackbone":
        common["vocab_size"] = common.pop("vocabulary_size")
    if kind != "BloomBackbone":
        more["max_sequence_length"] = rng.randint(6, 20)
    return {**common, **more}


GROUPED: dict[str, dict[str, list[Any]]] = {
    "GemmaBackbone": {
        "head_dim": [2, 6],
        "use_post_ffw_norm": [False, True],
        "use_post_attention_norm": [False, True],
    },
    "LlamaBackbone": {"tie_word_embeddings": [False, True]},
    "Llama3Backbone": {"tie_word_embeddings": [False, True]},
    "MistralBackbone": {"head_dim": [None, 6]},
    "Phi3Backbone": {},
    "QwenBackbone": {"tie_word_embeddings": [False, True]},
    "Qwen2Backbone": {"tie_word_embeddings": [False, True]},
}
FURTHER: dict[str, dict[str, list[Any]]] = {
    "AlbertBackbone": {"embedding_dim": [2, 4], "num_segments": [2, 3]},
    "BertBackbone": {"num_segments": [2, 3]},
    "DebertaV3Backbone": {"bucket_size": [2, 4]},
    "ElectraBackbone": {"embedding_dim": [2, 4, 8]},
    "FNetBackbone": {"num_segments": [2, 4]},
}


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_family_is_that_of_kerashub(kind: str) -> None:
    """Inputs, outputs, inner layers and every weight in order; nothing is allocated."""
    import keras

    from modelspec.runtime.backend.layers.kerashub import inputs_of, made_backbone, tensors_of

    for seed in range(20 if os.environ.get("MODELSPEC_FUZZ") else 1):
        settings = drawn(kind, seed)
        with keras.StatelessScope(initialize_variables=False):
            theirs = made_backbone(kind, settings, "mixed_float16")
        ours = described(made(kind, settings, "a test", "a test"))
        assert [(one.name, one.shape, one.trainable) for one in ours.weights] == [
            (one.path, tuple(one.shape), one.trainable) for one in theirs.weights
        ], settings
        assert {(one.name, one.shape, one.dtype) for one in ours.inputs} == {
            (name, tuple(one.shape), "float32" if name == "images" else str(one.dtype))
            for name, one in inputs_of(theirs).items()
        }
        outputs, hidden = tensors_of(theirs)
        assert list(ours.outputs) == list(outputs)
        assert set(ours.hidden) <= set(hidden)
        given = {one.name: ms_tensor(one.shape, one.dtype) for one in ours.inputs}
        names = [*ours.outputs, *ours.hidden]
        for name, found in ours.types(given, "float16", names).items():
            its = {**hidden, **outputs}[name]
            assert (found.shape, found.dtype) == (tuple(its.shape), str(its.dtype)), name


def ms_tensor(shape: Any, dtype: str) -> Any:
    from modelspec.core.shapes import Tensor

    return Tensor(tuple(shape), dtype)


RESNET: dict[str, Any] = {
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [3],
    "stackwise_num_filters": [64, 8],
    "stackwise_num_blocks": [1, 1],
    "stackwise_num_strides": [1, 2],
    "block_type": "basic_block",
    "image_shape": [None, None, 3],
}


def test_another_backbone_is_described_by_kerashub(tmp_path: Path) -> None:
    """In a separate process, which answers once: the cache answers later."""
    entry = {"backbone": {"ResNetBackbone": RESNET}, "outputs": ["P2", "output"], "name": "net"}
    value = {
        "model": {
            "inputs": {"images": [16, 16, 3]},
            "layers": [{"KerasHub": entry}],
            "outputs": ["net.P2", "net.output"],
        }
    }
    found = ms.load_spec(value)
    assert found.graph.layers[0].output_shape == [(None, 4, 4, 64), (None, 2, 2, 8)]
    model = found.build()
    assert found.graph.parameters == model.count_params()
    assert found.graph.trainable_parameters == sum(
        int(one.numpy().size) for one in model.trainable_weights
    )
    entry["backbone"] = {"ResNetBackbone": {**RESNET, "stackwise_num_filters": [32, 8]}}
    ((code, message),) = [(one.code, one.message) for one in ms.check(value).diagnostics]
    assert code == "MS748" and "stackwise_num_filters" in message


# Runs ---------------------------------------------------------------------------------------------

TEXTS = [
    "the quick fox",
    "un fox",
    "brown",
    "the the the quick brown foxes unfox",
    "fox !",
    "un un",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("hub")
    bert(found / "bert")
    rows = [f"{TEXTS[index % len(TEXTS)]},{index % 2}" for index in range(12)]
    (found / "d.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    return found


def job(**training: Any) -> dict[str, Any]:
    def tokens(gives: str) -> Any:
        layer = {"KerasHubTokenizer": {"preset": "./bert", "length": 8, "gives": gives}}
        return {"column": "text", "transform": [layer]}

    return {
        "seed": 3,
        "model": {
            "inputs": {
                "tokens": {"shape": [8], "dtype": "int32"},
                "mask": {"shape": [8], "dtype": "int32"},
            },
            "layers": [
                {
                    "KerasHub": {
                        "preset": "./bert",
                        "from": {"token_ids": "tokens", "padding_mask": "mask"},
                        "outputs": ["pooled_output"],
                        "name": "bert",
                    }
                },
                {"Dense": {"units": 1, "activation": "sigmoid", "name": "y"}},
            ],
        },
        "data": {
            "source": {"csv": "d.csv"},
            "inputs": {"tokens": tokens("token_ids"), "mask": tokens("padding_mask")},
            "targets": {"y": "label"},
        },
        "training": {
            "loss": "binary_crossentropy",
            "optimizer": {"Adam": 0.01},
            "epochs": 2,
            "batch_size": 4,
            "checkpoint": "1 epochs",
            **training,
        },
    }


FROZEN = ["bert/token_embedding", "bert/transformer_layer_0/self_attention_layer"]


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return train(ms.load_spec(job(freeze=FROZEN)), folder / "run")


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def test_training_starts_from_the_preset_and_keeps_what_is_frozen(run: Run, here: Path) -> None:
    import keras_hub
    import numpy as np

    start = keras_hub.models.Backbone.from_preset(str(here / "bert"))
    graph = ms.load_spec(job(freeze=FROZEN)).graph
    trained = {one.path for one in run.model.trainable_weights}
    assert graph.trainable_parameters == sum(
        one.numpy().size for one in run.model.trainable_weights
    )
    hub = run.model.get_layer("bert")
    changed = [
        one.path
        for one, before in zip(hub.weights, start.weights, strict=True)
        if not np.array_equal(one.numpy(), before.numpy())
    ]
    frozen = ("/token_embedding/", "/self_attention_layer/")
    assert not [path for path in changed if any(one in path for one in frozen)]
    assert "bert/transformer_layer_0/feedforward_output_dense/kernel" in changed
    assert set(changed) <= trained


def test_numbers_are_those_of_kerashub(run: Run, here: Path) -> None:
    """Tokens, masks and predictions, for texts that are cut and padded."""
    import keras_hub
    import numpy as np

    path = str(here / "bert")
    preprocess = keras_hub.models.BertTextClassifierPreprocessor(
        keras_hub.models.BertTokenizer.from_preset(path), sequence_length=8
    )
    given = {name: np.asarray(one) for name, one in preprocess(TEXTS).items()}
    found = ms.open_run(here / "run").predict([{"text": one} for one in TEXTS])
    hub, head = run.model.get_layer("bert"), run.model.get_layer("y")
    backbone = keras_hub.models.Backbone.from_preset(path)
    backbone.set_weights(hub.get_weights())
    expected = head(backbone(given)["pooled_output"]).numpy()[:, 0]
    numbers = np.asarray(found["p[1]"])
    np.testing.assert_allclose(numbers.reshape(-1), expected, rtol=0, atol=1e-6)


def test_a_run_needs_the_preset_no_longer(run: Run, here: Path, tmp_path: Path) -> None:
    """It has the configuration and the vocabulary, also if the preset changes or is removed."""
    import shutil

    import numpy as np

    before = ms.open_run(here / "run").predict([{"text": one} for one in TEXTS])
    shutil.copytree(here / "run", tmp_path / "run")
    words = here / "bert" / "assets" / "tokenizer" / "vocabulary.txt"
    kept = words.read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        moved = ms.open_run(tmp_path / "run").predict([{"text": one} for one in TEXTS])
    words.write_text("\n".join(reversed(kept.split())) + "\n")
    try:
        changed = ms.open_run(here / "run").predict([{"text": one} for one in TEXTS])
    finally:
        words.write_text(kept)
    for found in (moved, changed):
        np.testing.assert_array_equal(np.asarray(found["p[1]"]), np.asarray(before["p[1]"]))


class Killed(BaseException):
    """Ends the run in the middle of an epoch."""


class Killer(Watcher):
    """Ends a run in its second epoch."""

    wants_steps = True

    def step(self, epoch: int, step: int, logs: Any) -> None:
        if epoch == 2:
            raise Killed


def test_a_killed_run_ends_as_the_undisturbed_one(run: Run, here: Path, tmp_path: Path) -> None:
    import numpy as np

    with pytest.raises(Killed):
        train(ms.load_spec(job(freeze=FROZEN)), tmp_path / "killed", watcher=Killer())
    done = resume(tmp_path / "killed")
    variables = ((*one.model.variables, *one.model.optimizer.variables) for one in (done, run))
    for mine, its in zip(*variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())


def test_files_of_the_model_load_without_the_preset(run: Run, here: Path, tmp_path: Path) -> None:
    import keras
    import numpy as np

    tokens = np.array([[2, 5, 6, 8, 3, 0, 0, 0]], "int32")
    given = {"tokens": tokens, "mask": (tokens != 0).astype("int32")}
    expected = run.model.predict(given, verbose=0)
    assert ms.export(run.directory, "keras", tmp_path / "m.keras").difference < 1e-6
    model = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        np.asarray(next(iter(_flat(model.predict(given, verbose=0))))),
        np.asarray(next(iter(_flat(expected)))),
        rtol=0,
        atol=1e-6,
    )
    text = str(model.get_config())
    assert "./bert" not in text and str(run.directory.parent) not in text


def _flat(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else [value]


def test_adapters_are_those_of_keras(here: Path) -> None:
    lora = {"rank": 2, "layers": ["bert/*/self_attention_layer/query"], "train": ["y"]}
    found = ms.load_spec(job(lora=lora))
    model = found.build()
    trained = [one.path for one in model.trainable_weights]
    assert found.graph.trainable_parameters == sum(
        one.numpy().size for one in model.trainable_weights
    )
    assert sorted(trained) == sorted(
        [
            "bert/transformer_layer_0/self_attention_layer/query/lora_kernel_a",
            "bert/transformer_layer_0/self_attention_layer/query/lora_kernel_b",
            "y/kernel",
            "y/bias",
        ]
    )


# Weights ------------------------------------------------------------------------------------------


def test_weights_that_do_not_fit_are_reported_for_each_layer(here: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(here / "bert", tmp_path / "bert")
    shutil.copy(here / "d.csv", tmp_path / "d.csv")
    value = json.loads((tmp_path / "bert" / "config.json").read_text())
    value["config"]["intermediate_dim"] = 24
    (tmp_path / "bert" / "config.json").write_text(json.dumps(value))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunError) as found:
        patch.chdir(tmp_path)
        ms.load_spec(job()).build()
    assert {one.code for one in found.value.diagnostics} == {"MS752"}
    assert len(found.value.diagnostics) >= 2
    (tmp_path / "bert" / "model.weights.h5").unlink()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunError) as found:
        patch.chdir(tmp_path)
        ms.load_spec(job()).build()
    assert [one.code for one in found.value.diagnostics] == ["MS750"]


def test_weights_in_several_files(here: Path, tmp_path: Path) -> None:
    import keras_hub
    import numpy as np

    from modelspec.runtime.backend.weights.preset import preset_weights

    first = keras_hub.models.BertBackbone(**TEXT)
    first.save_to_preset(str(tmp_path / "split"), max_shard_size=3e-6)
    assert len(list((tmp_path / "split").glob("model_*.weights.h5"))) > 1
    second = keras_hub.models.BertBackbone(**TEXT)
    preset_weights(second, tmp_path / "split")
    for mine, its in zip(second.weights, first.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())
    listing = tmp_path / "split" / "model.weights.json"
    listing.write_text(json.dumps({"weight_map": {"a": "../../secret.h5"}}))
    with pytest.raises(RunError) as found:
        preset_weights(second, tmp_path / "split")
    assert [one.code for one in found.value.diagnostics] == ["MS750"]


# Preparing data -----------------------------------------------------------------------------------


def test_byte_pairs_and_marks(tmp_path: Path) -> None:
    import keras_hub
    import numpy as np
    import tensorflow as tf

    from modelspec.runtime.backend.layers import KerasHubTokenizer

    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<mask>": 3, "a": 4, "b": 5, "ab": 6, "Ġ": 7}
    vocabulary |= {"Ġa": 8}
    tokenizer = keras_hub.models.RobertaTokenizer(vocabulary, ["a b", "Ġ a"])
    keras_hub.models.RobertaBackbone(**TEXT).save_to_preset(str(tmp_path / "roberta"))
    tokenizer.save_to_preset(str(tmp_path / "roberta"))
    classify = keras_hub.models.RobertaTextClassifierPreprocessor(tokenizer, sequence_length=6)
    texts = ["ab a", "b", "a a a a a a a a", ""]
    expected = classify(texts)
    given = tf.constant(texts)
    for gives in ("token_ids", "padding_mask"):
        layer = KerasHubTokenizer(str(tmp_path / "roberta"), 6, gives)
        np.testing.assert_array_equal(np.asarray(layer(given)), np.asarray(expected[gives]))
    bare = KerasHubTokenizer(str(tmp_path / "roberta"), 4, add_start=False, add_end=False)
    np.testing.assert_array_equal(np.asarray(bare(tf.constant(["ab"]))), [[6, 1, 1, 1]])


def test_images_are_converted_as_by_kerashub(tmp_path: Path) -> None:
    import keras_hub
    import numpy as np

    hub = keras_hub.layers.ResNetImageConverter(
        image_size=(6, 8), scale=1 / 255, offset=[-0.5, -0.4, -0.3]
    )
    keras_hub.models.ResNetBackbone(**RESNET).save_to_preset(str(tmp_path / "resnet"))
    hub.save_to_preset(str(tmp_path / "resnet"))
    value: dict[str, Any] = {
        "model": {
            "inputs": {"images": [12, 10, 3]},
            "layers": [{"KerasHubImageConverter": {"preset": str(tmp_path / "resnet")}}],
        }
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        value["model"]["layers"][0]["KerasHubImageConverter"]["preset"] = "./resnet"
        model = ms.load_spec(value).build()
    x = np.random.default_rng(0).uniform(0, 255, (2, 12, 10, 3)).astype("float32")
    np.testing.assert_allclose(
        np.asarray(_flat(model.predict(x, verbose=0))[0]), np.asarray(hub(x)), rtol=0, atol=1e-6
    )


def test_kerashub_that_is_missing_is_reported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(RunError) as found:
        ms.load_spec(job()).build()
    ((code, help),) = [(one.code, one.help) for one in found.value.diagnostics]
    assert code == "MS755" and "modelspec[hub]" in str(help)


# Downloads ----------------------------------------------------------------------------------------


def test_files_are_downloaded_by_the_clients_of_the_hubs(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelspec.runtime.backend.preset_files import downloaded

    kaggle, hugging_face = ModuleType("kagglehub"), ModuleType("huggingface_hub")
    kaggle.model_download = lambda handle, path: f"/k/{handle}/{path}"  # type: ignore[attr-defined]
    hugging_face.hf_hub_download = (  # type: ignore[attr-defined]
        lambda repo_id, filename, local_files_only: f"/h/{repo_id}/{filename}"
    )
    monkeypatch.setitem(sys.modules, "kagglehub", kaggle)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hugging_face)
    found = [
        str(downloaded(preset, "config.json"))
        for preset in ("hf://a/b", "kaggle://a/b/keras/c", "bert_tiny_en_uncased")
    ]
    assert found[:2] == ["/h/a/b/config.json", "/k/a/b/keras/c/config.json"]
    assert found[2].startswith("/k/keras/bert/keras/bert_tiny_en_uncased")
    with pytest.raises(ValueError, match="no preset"):
        downloaded("bert_tiny_en_uncase", "config.json")

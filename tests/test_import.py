"""Architectures of every Keras become specs that a person would have written; what cannot be said
is told by layer.
"""

import json
import os
import random
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import modelspec as ms
from modelspec.cli import main
from modelspec.importers.architecture import Unreadable
from modelspec.importers.import_model import from_json, import_model
from modelspec.importers.model_files import read_model
from tests.real_data import real

REAL = {
    "01_keras1.0.7_kerasjs_mnist_cnn.json": 600_810,
    "04_keras1.1.0_kerasjs_resnet50.json": 25_636_712,
    "05_keras1.1.1_chemts_gru.json": None,
    "10_keras2.1.4_licenta.json": None,
    "12_keras2_mobilenet.json": None,
    "13_keras2.3.1_bilstm_postag.json": None,
    "16_himalrana_mnist.json": None,
}


def spec_of(model: dict) -> dict:
    found = from_json(json.dumps(model))
    assert found.ok, [str(one) for one in found.diagnostics]
    assert found.value is not None
    return found.value


def layers_of(model: dict) -> list:
    return spec_of(model)["model"]["layers"]


def sequential(*layers: tuple[str, dict], shape: list | None = None) -> dict:
    """A Sequential of Keras 2."""
    items = [{"class_name": kind, "config": dict(config)} for kind, config in layers]
    items[0]["config"]["batch_input_shape"] = shape or [None, 8]
    return {
        "class_name": "Sequential",
        "config": {"name": "sequential_1", "layers": items},
        "keras_version": "2.1.4",
    }


def functional(*layers: dict, inputs: list, outputs: list) -> dict:
    config = {
        "name": "model_1",
        "layers": list(layers),
        "input_layers": inputs,
        "output_layers": outputs,
    }
    return {"class_name": "Model", "config": config}


def node(kind: str, name: str, *sources: object, **config: object) -> dict:
    """A layer of a functional Keras 2 model, called once for each of `sources`."""
    calls = [
        [
            [one, 0, 0, {}] if isinstance(one, str) else [*one, {}]
            for one in (source if isinstance(source, list) else [source])
        ]
        for source in sources
    ]
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": calls,
    }


# Real files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REAL)
def test_a_real_file_of_any_keras_becomes_a_spec_that_checks(name: str) -> None:
    found = from_json(real(f"keras-configs/{name}").read_bytes())
    assert found.ok, [str(one) for one in found.diagnostics]
    spec = ms.load_spec(found.value)
    assert spec.graph.parameters
    if REAL[name]:
        assert spec.graph.parameters == REAL[name]


def test_the_mobilenet_of_keras_2_reads_as_a_person_would_write_it() -> None:
    found = from_json(real("keras-configs/12_keras2_mobilenet.json").read_bytes()).value
    layers = found["model"]["layers"]
    assert len(layers) <= 11
    loop = next(one for one in layers if isinstance(one, dict) and "for" in one)
    assert len(loop["for"]["each"]) == 13
    assert "conv_dw_$(i + 1)" in json.dumps(loop)


@pytest.mark.parametrize("name", ["08_keras2.0.6_carnd.json", "15_leon24k_textsim.json"])
def test_a_lambda_is_named_with_the_formula_that_it_may_have_been(name: str) -> None:
    found = from_json(real(f"keras-configs/{name}").read_bytes())
    assert not found.ok
    assert all(
        "lambda" in one.message and "Expression" in (one.help or "") for one in found.diagnostics
    )


# How it reads -------------------------------------------------------------------------------------


def test_defaults_and_counted_names_are_left_out() -> None:
    dense = {
        "name": "dense_3",
        "trainable": True,
        "units": 4,
        "activation": "linear",
        "use_bias": True,
        "kernel_initializer": {
            "class_name": "VarianceScaling",
            "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
        },
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": None,
    }
    assert spec_of(sequential(("Dense", dense))) == {
        "modelspec": 1,
        "name": "sequential_1",
        "model": {"inputs": [8], "layers": [{"Dense": 4}]},
    }


def test_components_are_in_their_short_form() -> None:
    config = {
        "units": 4,
        "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
        "kernel_initializer": {
            "class_name": "VarianceScaling",
            "config": {
                "scale": 2.0,
                "mode": "fan_in",
                "distribution": "truncated_normal",
                "seed": None,
            },
        },
    }
    (entry,) = layers_of(sequential(("Dense", config)))
    assert entry["Dense"]["kernel_initializer"] == "he_normal"
    assert entry["Dense"]["units"] == 4


def test_names_that_somebody_gave_stay() -> None:
    assert layers_of(sequential(("Dense", {"name": "head", "units": 4}))) == [
        {"Dense": {"units": 4, "name": "head"}}
    ]


def test_a_residual_is_written_as_branches() -> None:
    model = functional(
        node("InputLayer", "x", batch_input_shape=[None, 8]),
        node("Dense", "dense_1", "x", units=8),
        node("Add", "add_1", ["dense_1", "x"]),
        node("Dense", "dense_2", "add_1", units=2),
        inputs=[["x", 0, 0]],
        outputs=[["dense_2", 0, 0]],
    )
    assert layers_of(model) == [{"branches": [[{"Dense": 8}], []], "join": "Add"}, {"Dense": 2}]


def test_a_layer_that_is_called_twice_is_shared() -> None:
    model = functional(
        node("InputLayer", "a", batch_input_shape=[None, 8]),
        node("InputLayer", "b", batch_input_shape=[None, 8]),
        node("Dense", "encoder", "a", "b", units=3),
        node("Subtract", "difference", ["encoder", ["encoder", 1, 0]]),
        inputs=[["a", 0, 0], ["b", 0, 0]],
        outputs=[["difference", 0, 0]],
    )
    spec = spec_of(model)["model"]
    assert spec["shared"] == {"encoder": {"Dense": 3}}
    assert spec["layers"][-1] == {
        "Subtract": {"name": "difference", "from": ["encoder", "encoder_1"]}
    }
    assert ms.load_spec({"model": spec}).graph.parameters == 27


def test_what_comes_back_becomes_a_block_and_its_prefix_the_name() -> None:
    layers, before = [node("InputLayer", "x", batch_input_shape=[None, 8, 8, 4])], "x"
    for stage, filters in enumerate((4, 8, 8, 16), 1):
        prefix = f"stage{stage}"
        layers += [
            node(
                "Conv2D",
                f"{prefix}_conv",
                before,
                filters=filters,
                kernel_size=[3, 3],
                padding="same",
            ),
            node("BatchNormalization", f"{prefix}_bn", f"{prefix}_conv"),
            node("Activation", f"{prefix}_relu", f"{prefix}_bn", activation="relu"),
        ]
        before = f"{prefix}_relu"
        if stage == 2:
            layers.append(node("MaxPooling2D", "pool", before, pool_size=[2, 2]))
            before = "pool"
    layers.append(node("GlobalAveragePooling2D", "seen", before))
    spec = spec_of(functional(*layers, inputs=[["x", 0, 0]], outputs=[["seen", 0, 0]]))
    names = {layer.name for layer in ms.load_spec(spec).graph.layers}
    assert {
        f"stage{stage}_{part}" for stage in (1, 2, 3, 4) for part in ("conv", "bn", "relu")
    } <= names
    text = json.dumps(spec)
    assert text.count('"Conv2D"') == 1


def test_what_differs_in_nothing_is_said_once_with_repeat() -> None:
    layers = [("Dense", {"units": 4, "activation": "relu"})] * 3
    model = sequential(
        *((kind, {**config, "name": f"dense_{n}"}) for n, (kind, config) in enumerate(layers))
    )
    assert layers_of(model) == [{"Dense": {"units": 4, "activation": "relu", "repeat": 3}}]
    names = ["hidden_1", "hidden_2", "hidden_3", "head"]
    named = sequential(
        *(("Dense", {"units": 4, "activation": "relu", "name": name}) for name in names)
    )
    assert layers_of(named)[0] == {
        "Dense": {"units": 4, "activation": "relu", "name": "hidden", "repeat": 3}
    }
    assert [one.name for one in ms.load_spec(spec_of(named)).graph.layers] == names
    assert (
        len(layers_of(sequential(*(("Dense", {"units": 4, "name": name}) for name in names[:3]))))
        == 2
    )


@pytest.mark.parametrize("first", [0, 1])
def test_calls_of_an_inner_model_count_from_0_or_from_1(first: int) -> None:
    """Keras 2 counts the call with which a model was made, where it was made from inputs."""
    inner = functional(
        node("InputLayer", "x", batch_input_shape=[None, 8]),
        node("Dense", "dense_1", "x", units=8),
        inputs=[["x", 0, 0]],
        outputs=[["dense_1", 0, 0]],
    )
    model = functional(
        node("InputLayer", "x", batch_input_shape=[None, 8]),
        {
            **inner,
            "name": "encoder",
            "inbound_nodes": [[["x", 0, 0, {}]], [["encoder", first, 0, {}]]],
        },
        node("Dense", "dense_2", [["encoder", first + 1, 0]], units=2),
        inputs=[["x", 0, 0]],
        outputs=[["dense_2", 0, 0], ["encoder", first, 0]],
    )
    spec = spec_of(model)["model"]
    assert spec["layers"] == ["encoder", "encoder", {"Dense": {"units": 2, "name": "dense_2"}}]
    assert spec["outputs"] == ["dense_2", "encoder"]


def test_an_inner_model_is_a_shared_model() -> None:
    inner = sequential(("Dense", {"name": "dense_1", "units": 3}))
    model = functional(
        node("InputLayer", "x", batch_input_shape=[None, 8]),
        {**inner, "name": "encoder", "inbound_nodes": [[["x", 0, 0, {}]]]},
        node("Dense", "dense_2", "encoder", units=2),
        inputs=[["x", 0, 0]],
        outputs=[["dense_2", 0, 0]],
    )
    spec = spec_of(model)["model"]
    assert spec["shared"] == {"encoder": [{"Dense": 3}]}
    assert spec["layers"] == ["encoder", {"Dense": 2}]


def test_the_states_of_a_recurrent_layer_are_wired() -> None:
    model = functional(
        node("InputLayer", "x", batch_input_shape=[None, 5, 8]),
        node("LSTM", "encoder", "x", units=4, return_state=True),
        node("LSTM", "decoder", ["x", ["encoder", 0, 1], ["encoder", 0, 2]], units=4),
        inputs=[["x", 0, 0]],
        outputs=[["decoder", 0, 0]],
    )
    last = spec_of(model)["model"]["layers"][-1]
    assert last["LSTM"]["from"] == {"sequences": "x", "initial_state": ["encoder.1", "encoder.2"]}


# Hostile files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        "[" * 100_000,
        '{"class_name": "Sequential"}',
        '{"class_name": "os.system", "config": {}}',
        '{"class_name": "Sequential", "config": {"layers": []}}',
        '{"class_name": "Sequential", "config": {"layers": [1]}}',
        '{"class_name": "Sequential", "config": [{"class_name": [], "config": {}}]}',
        '{"class_name": "Model", "config": {"layers": [], "input_layers": 3, "output_layers": {}}}',
        (
            '{"class_name": "Model", "config": {"layers": [], "input_layers": [["x", 0, 0]],'
            ' "output_layers": [["x", 0, 0]]}}'
        ),
        json.dumps(
            sequential(
                ("Lambda", {"function": ["4wEAAAA=", None, None], "function_type": "lambda"})
            )
        ),
        json.dumps(sequential(("TorchModuleWrapper", {"module": "x"}))),
        json.dumps(sequential(("Dense", {"units": 1e12}))),
        json.dumps(sequential(("Dense", {"units": "4"}))),
        json.dumps(sequential(("StringLookup", {"vocabulary": "/etc/hostname"}))),
        json.dumps(
            sequential(
                (
                    "Dense",
                    {"units": 4, "kernel_initializer": {"class_name": "os", "config": {"a": 1}}},
                )
            )
        ),
        json.dumps(
            functional(
                node("InputLayer", "x", batch_input_shape=[None, 8]),
                node("Dense", "a", "b", units=1),
                node("Dense", "b", "a", units=1),
                inputs=[["x", 0, 0]],
                outputs=[["a", 0, 0]],
            )
        ),
    ],
)
def test_a_file_that_is_no_model_is_a_fault(text: str) -> None:
    found = from_json(text)
    assert not found.ok
    assert found.diagnostics


def test_nothing_in_a_file_is_run_or_read(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    code = {
        "class_name": "__lambda__",
        "config": {"code": "4wAAAAA=", "defaults": None, "closure": None},
    }
    model = sequential(
        (
            "Dense",
            {
                "units": 2,
                "activation": {
                    "module": "os",
                    "class_name": "function",
                    "config": f"touch {marker}",
                },
            },
        ),
        ("Lambda", {"function": code}),
        ("StringLookup", {"vocabulary": str(tmp_path)}),
    )
    assert not from_json(json.dumps(model)).ok
    assert not marker.exists()


# Files --------------------------------------------------------------------------------------------

DENSE = sequential(("Dense", {"name": "dense_1", "units": 3, "activation": "relu"}))
OLD_YAML = """\
class_name: Sequential
config:
- class_name: Dense
  config:
    activation: relu
    batch_input_shape: !!python/tuple [null, 8]
    init: glorot_uniform
    name: dense_1
    output_dim: 3
keras_version: 1.2.2
"""


def archive(path: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return path


def hdf5(path: Path, **attributes: object) -> Path:
    import h5py

    with h5py.File(path, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = value
    return path


def model_files(folder: Path) -> list[Path]:
    """One model in every form, each under an ending that says nothing."""
    text = json.dumps(DENSE)
    js = json.dumps(
        {"format": "layers-model", "modelTopology": {"model_config": DENSE}, "weightsManifest": []}
    )
    names = {
        "a.txt": text,
        "b.bin": f"\ufeff{text}",
        "c.dat": OLD_YAML,
        "d": js,
        "e": json.dumps(text),
    }
    for name, content in names.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [
        *(folder / name for name in names),
        archive(folder / "f.h5", **{"config.json": text.encode()}),
        hdf5(folder / "g.json", model_config=text),
        hdf5(folder / "h.keras", model_config=text.encode()),
    ]


def test_a_file_is_what_it_holds_whatever_its_name(tmp_path: Path) -> None:
    for path in model_files(tmp_path):
        found = import_model(read_model(path).model).value
        assert found is not None
        assert found.spec["model"] == {
            "inputs": [8],
            "layers": [{"Dense": {"units": 3, "activation": "relu"}}],
        }, path


CODE = {
    "class_name": "__lambda__",
    "config": {"code": "4wAAAAA=", "defaults": None, "closure": None},
}


def bombs(folder: Path) -> dict[str, Path]:
    """Files that no honest program writes, and files that could only be read by running them."""
    text = json.dumps(DENSE).encode()
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").write_bytes(b"x")
    made = {
        "pickle": b"\x80\x04\x95.",
        "litert": b"\x1c\0\0\0TFL3",
        "binary": bytes(range(128, 256)),
        "empty": b"",
        "graph": b'{"format": "graph-model", "modelTopology": {}}',
        "long": b"[" + b"1," * 5_000_000,
        "deep": b"[" * 100_000,
        "nested": b'{"a":' * 400 + b"1" + b"}" * 400,
        "number": b'{"a": ' + b"9" * 5000 + b"}",
        "apply": b"class_name: !!python/object/apply:os.system [touch marker]",
        "name": b"a: !!python/name:os.system",
        "remap": (
            b"%TAG !e! tag:yaml.org,2002:python/\n---\na: !e!object/apply:os.system [touch marker]"
        ),
        "aliases": (
            b"a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + b"".join(
                b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9))
                for n in range(9)
            )
        ),
        "circle": b"a: &a [*a]",
        "merge": b"a: &a {b: 1}\nc: {<<: *a}",
        "flow": b"a: " + b"[" * 30_000,
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    big = b'{"class_name": "' + b" " * 200_000_000 + b'"}'
    import h5py

    with h5py.File(folder / "list.h5", "w") as file:
        file.attrs["model_config"] = [1, 2, 3]
    code = json.dumps(sequential(("Lambda", {"function": CODE}))).encode()
    with tarfile.open(folder / "model.tar", "w") as tar:
        member = tarfile.TarInfo("../../marker")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    (folder / "saved_model.pb").write_bytes(b"\x08\x01\x12\xff\x00")
    return {
        **{name: folder / name for name in made},
        "folder": folder / "saved",
        "tar": folder / "model.tar",
        "graph of a SavedModel": folder / "saved_model.pb",
        "lambda": archive(folder / "l.keras", **{"config.json": code}),
        "lambda in HDF5": hdf5(folder / "lambda.h5", model_config=code),
        "depth": archive(folder / "depth.keras", **{"config.json": b'{"a":' * 5000}),
        "bomb": archive(folder / "bomb.keras", **{"config.json": big}),
        "slip": archive(folder / "slip.keras", **{"config.json": text, "../../../marker": b"x"}),
        "absolute": archive(
            folder / "absolute.keras", **{"config.json": text, "/tmp/marker": b"x"}
        ),
        "odd": archive(folder / "odd.keras", **{"config.json": text, "run.py": b"x"}),
        "parts": archive(folder / "parts.keras", **{f"assets/{n}": b"" for n in range(1001)}),
        "none": archive(folder / "none.keras", **{"model.weights.h5": b"x"}),
        "weights": hdf5(folder / "weights.h5", layer_names=[]),
        "list": folder / "list.h5",
        "torn": torn(hdf5(folder / "torn.h5", model_config=text)),
        "missing": folder / "missing.keras",
    }


def torn(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:700])
    return path


def test_hostile_files_are_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = bombs(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for name, path in files.items():
        refused = False
        try:
            refused = import_model(read_model(path).model).value is None
        except Unreadable as error:
            refused = bool(str(error))
        assert refused, name
    assert sorted(tmp_path.rglob("*")) == before


def test_what_else_an_archive_holds_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = {"config.json": json.dumps(DENSE).encode(), "assets/a.txt": b" " * 10**8}
    path = archive(tmp_path / "model.keras", **parts)
    before = sorted(tmp_path.rglob("*"))
    tracemalloc.start()
    assert import_model(read_model(path).model).ok
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000 and sorted(tmp_path.rglob("*")) == before


SPY = """
import os, sys
def spy(event, arguments):
    apart = event == "subprocess.Popen" and list(arguments[1][1:4]) == ["-P", "-m", "modelspec.importers.hdf5_attributes"]
    if not apart and event in (
            "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
        print("REACHED OUT", event)
    if event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int) and (
            arguments[2] & (os.O_WRONLY | os.O_RDWR) and arguments[0] != os.devnull or "/etc/hostname" in arguments[0]):
        print("OPENED", arguments[0])
"""
REFUSE = f"""{SPY}
from modelspec.cli import main
import modelspec.importers.import_model
sys.addaudithook(spy)
for path in sys.argv[1:]:
    try:
        main(["import", path, "-o", path + ".yaml"], standalone_mode=False)
        print("IMPORTED", path)
    except SystemExit as stop:
        print("status", stop.code)
print("frameworks", sorted({{"tensorflow", "keras"}} & set(sys.modules)))
"""
APART = f"""{SPY}
import h5py, json, runpy
sys.addaudithook(spy)
runpy.run_module("modelspec.importers.hdf5_attributes", run_name="__main__")
"""


def spied(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program that tells what it does beside reading the files it is given."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_one_process_refuses_everything_and_touches_nothing(tmp_path: Path) -> None:
    # One that is not there is wrong usage, which ends the command before it opens anything.
    files = {name: path for name, path in bombs(tmp_path).items() if path.exists()}
    for name, call in CALLS.items():
        files[name] = tmp_path / f"call {len(files)}.json"
        files[name].write_text(json.dumps(sequential(call)))
    before = sorted(tmp_path.rglob("*"))
    done = spied(REFUSE, tmp_path, *map(str, files.values()))
    assert done.stdout.splitlines() == ["status 1"] * len(files) + ["frameworks []"]
    errors = [line for line in done.stderr.splitlines() if line.startswith("error[MS74")]
    assert len(errors) >= len(files) and "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_the_process_that_reads_hdf5_touches_nothing_else(tmp_path: Path) -> None:
    files = {name: path for name, path in bombs(tmp_path).items() if path.suffix == ".h5"}
    assert files
    before = sorted(tmp_path.rglob("*"))
    for path in files.values():
        (said,) = spied(APART, tmp_path, str(path)).stdout.splitlines()
        assert set(json.loads(said)) <= {"found", "writer", "fault"}
    assert sorted(tmp_path.rglob("*")) == before


def changed(value: object, random: random.Random) -> object:
    """The value with one place in it replaced, left out, or put somewhere else."""
    value = json.loads(json.dumps(value))
    places: list[tuple[Any, Any]] = []
    queue = [value]
    while queue:
        one = queue.pop()
        items = list(one.items() if isinstance(one, dict) else enumerate(one))
        places += [(one, key) for key, _ in items]
        queue += [item for _, item in items if isinstance(item, (dict, list))]
    for _ in range(random.randint(1, 3)):
        owner, key = random.choice(places)
        if isinstance(owner, dict) and random.random() < 0.2:
            owner.pop(key, None)
        elif isinstance(owner, dict) or key < len(owner):
            other, at = random.choice(places)
            known = (
                other.get(at)
                if isinstance(other, dict)
                else (other[at] if at < len(other) else None)
            )
            owner[key] = (
                json.loads(json.dumps(known)) if random.random() < 0.4 else random.choice(ODD)
            )
    return value


ODD = [
    None,
    True,
    -1,
    2**70,
    1.5,
    float("nan"),
    "",
    "x",
    "$x",
    "$(1)",
    "../x",
    [],
    [[]],
    {},
    {"class_name": "x"},
    {"class_name": "Zeros", "config": {}},
    {"class_name": "__tuple__", "items": 3},
    ["x", 0, 0],
    {"a": [1]},
]


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_file_is_read_or_refused_and_never_raises(seed: int) -> None:
    chosen = random.Random(seed)
    part = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
    several = functional(
        INPUT,
        operation("Power", "power", tensor("x", None, 4, 8), 2),
        operation("GetItem", "get_item", tensor("power", None, 4, 8), [part, -1]),
        {
            **node(
                "Dense",
                "dense",
                units=8,
                kernel_initializer={"class_name": "HeNormal", "config": {"seed": None}},
            ),
            "inbound_nodes": [
                {"args": [tensor("get_item", None, 8)], "kwargs": {"training": False}}
            ],
        },
        inputs=[["x", 0, 0]],
        outputs=[["dense", 0, 0]],
    )
    files = [
        several,
        *(
            json.loads(real(f"keras-configs/{name}").read_bytes())
            for name in ("05_keras1.1.1_chemts_gru.json", "13_keras2.3.1_bilstm_postag.json")
        ),
    ]
    for _ in range(60):
        found = import_model(changed(chosen.choice(files), chosen))
        assert (found.value is None) == any(one.severity == "error" for one in found.diagnostics)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.keras", **{"config.json": b" " * 100_000_000})
    tracemalloc.start()
    with pytest.raises(Unreadable, match="the maximum is"):
        read_model(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


CALLS = {
    "lambda": ("Lambda", {"function": CODE}),
    "nested": (
        "TimeDistributed",
        {"layer": {"class_name": "Lambda", "config": {"function": CODE}}},
    ),
    "function": (
        "Lambda",
        {"function": {"module": "keras.config", "class_name": "function", "config": "set_floatx"}},
    ),
    "module": (
        "Dense",
        {"units": 2, "kernel_initializer": {"module": "os", "class_name": "system", "config": {}}},
    ),
    "fetch": (
        "Dense",
        {
            "units": 2,
            "activation": {"module": "keras.utils", "class_name": "function", "config": "get_file"},
        },
    ),
    "unsafe": (
        "Dense",
        {
            "units": 2,
            "activation": {
                "module": "keras.src.saving",
                "class_name": "function",
                "config": "enable_unsafe_deserialization",
            },
        },
    ),
    "vocabulary": ("StringLookup", {"vocabulary": "/etc/hostname"}),
    "address": ("TextVectorization", {"vocabulary": "http://127.0.0.1:9/x"}),
    "torch": ("TorchModuleWrapper", {"module": "x"}),
    "saved": ("TFSMLayer", {"filepath": "/tmp/x"}),
    "jax": ("JaxLayer", {}),
    "array": (
        "Dense",
        {
            "units": {"class_name": "__numpy__", "config": {"value": 1, "dtype": "S1000000000"}},
            "dtype": "S1000000000",
        },
    ),
    "units": ("Dense", {"units": 2 * 10**18}),
    "setting": ("Dense", {"units": 2, "from": "x"}),
    **{
        f"vocabulary {place}": ("TextVectorization", {"vocabulary": place})
        for place in ("file:///etc/hostname", "gs://bucket/x", "../secret.txt")
    },
    **{
        f"unsafe {module}": (
            "Dense",
            {
                "units": 2,
                "activation": {
                    "module": module,
                    "class_name": "function",
                    "config": "enable_unsafe_deserialization",
                },
            },
        )
        for module in (
            "keras.config",
            "keras.saving",
            "keras.src.saving.saving_api",
            "keras._tf_keras.keras.config",
            "keras.api.models",
        )
    },
    "load": (
        "Lambda",
        {
            "function": {
                "module": "keras.models",
                "class_name": "function",
                "config": "load_model",
            },
            "arguments": {"filepath": "/tmp/x", "safe_mode": False},
        },
    ),
    "weights": (
        "Lambda",
        {
            "function": {
                "module": "keras.applications",
                "class_name": "function",
                "config": "VGG16",
            },
            "arguments": {"weights": "imagenet"},
        },
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_that_a_file_names_is_called_opened_or_fetched(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("the file reached out")

    text = json.dumps(sequential(CALLS[name]))
    from_json(text)  # everything that is imported on the way is there
    for place in (
        "socket.socket.connect",
        "socket.getaddrinfo",
        "os.system",
        "subprocess.Popen",
        "marshal.loads",
        "builtins.eval",
        "builtins.open",
        "io.open",
        "os.open",
    ):
        monkeypatch.setattr(place, touched)
    found = from_json(text)
    monkeypatch.undo()
    assert not found.ok


def test_an_operation_that_fetches_is_not_called() -> None:
    fetch = {
        **operation("get_file", "fetch", tensor("x", None, 4, 8), origin="http://127.0.0.1:9/x"),
        "module": "keras.utils",
        "class_name": "function",
    }
    found = from_json(
        json.dumps(functional(INPUT, fetch, inputs=[["x", 0, 0]], outputs=[["fetch", 0, 0]]))
    )
    assert not found.ok and "fetch" in str(found.diagnostics[0])


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\b", "C:x", "x" * 5000, ".", "..", "-rf", "\0", "\u202ex"]
)
def test_a_name_of_a_layer_is_a_text_and_no_path(name: str) -> None:
    found = from_json(json.dumps(sequential(("Dense", {"name": name, "units": 2}))))
    assert found.ok, [str(one) for one in found.diagnostics]
    (layer,) = ms.load_spec(found.value).graph.layers
    assert "/" not in layer.name and "\\" not in layer.name and len(layer.name) <= 100


def test_a_fault_names_its_layer() -> None:
    found = from_json(
        json.dumps(
            sequential(
                ("Dense", {"name": "first", "units": 2}),
                ("Whirl", {"name": "second"}),
                ("Dense", {"name": "third", "units": -1}),
            )
        )
    )
    assert [("second" in str(one), "Whirl" in str(one)) for one in found.diagnostics] == [
        (True, True)
    ]
    found = from_json(json.dumps(sequential(("Dense", {"name": "third", "units": -1}))))
    assert "`third`" in str(found.diagnostics[0])


# Operations ---------------------------------------------------------------------------------------


def tensor(name: str, *shape: int | None) -> dict:
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": list(shape), "keras_history": [name, 0, 0]},
    }


def operation(kind: str, name: str, *args: object, **config: object) -> dict:
    return {
        "module": "keras.src.ops.numpy",
        "class_name": kind,
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": [{"args": list(args), "kwargs": {}}],
    }


INPUT = {
    "module": "keras.layers",
    "class_name": "InputLayer",
    "name": "x",
    "inbound_nodes": [],
    "config": {"batch_shape": [None, 4, 8], "dtype": "float32", "name": "x"},
}


def test_operations_that_only_another_one_takes_are_one_formula() -> None:
    x = tensor("x", None, 4, 8)
    part = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
    spec = spec_of(
        functional(
            INPUT,
            operation("Power", "power", x, 2),
            operation("Add", "add", tensor("power", None, 4, 8), 1.0),
            operation("GetItem", "get_item", tensor("add", None, 4, 8), [part, -1]),
            operation("Mean", "mean", tensor("get_item", None, 8), axis=1, keepdims=True),
            inputs=[["x", 0, 0]],
            outputs=[["mean", 0, 0]],
        )
    )
    assert spec["model"]["layers"] == [
        {"Expression": "mean((x ** 2 + 1.0)[:, -1], axis=1, keepdims=True)"}
    ]


def test_a_sum_of_two_tensors_is_the_layer_so_that_a_residual_is_branches() -> None:
    dense = {
        **node("Dense", "dense", units=8),
        "inbound_nodes": [{"args": [tensor("x", None, 4, 8)], "kwargs": {}}],
    }
    spec = spec_of(
        functional(
            INPUT,
            dense,
            operation("Add", "add", tensor("dense", None, 4, 8), tensor("x", None, 4, 8)),
            inputs=[["x", 0, 0]],
            outputs=[["add", 0, 0]],
        )
    )
    assert spec["model"]["layers"] == [{"branches": [[{"Dense": 8}], []], "join": "Add"}]


def test_an_operation_that_no_formula_has_is_named() -> None:
    found = from_json(
        json.dumps(
            functional(
                INPUT,
                operation("Fft2", "fft", tensor("x", None, 4, 8)),
                inputs=[["x", 0, 0]],
                outputs=[["fft", 0, 0]],
            )
        )
    )
    assert "`fft`" in str(found.diagnostics[0]) and "Fft2" in str(found.diagnostics[0])


def test_functions_of_tensorflow_are_formulas() -> None:
    def call(layer: str, function: str, source: list, **rest: object) -> dict:
        return {
            "class_name": "TFOpLambda",
            "name": layer,
            "config": {"name": layer, "function": function},
            "inbound_nodes": [[[*source, rest]]],
        }

    spec = spec_of(
        functional(
            INPUT,
            call("tf.math.multiply", "math.multiply", ["x", 0, 0], y=2.0, name=None),
            call(
                "tf.__operators__.add",
                "__operators__.add",
                ["_CONSTANT_VALUE", -1, 1.0],
                y=["tf.math.multiply", 0, 0],
            ),
            call(
                "tf.math.reduce_mean",
                "math.reduce_mean",
                ["tf.__operators__.add", 0, 0],
                axis=1,
                keepdims=False,
            ),
            inputs=[["x", 0, 0]],
            outputs=[["tf.math.reduce_mean", 0, 0]],
        )
    )
    assert ms.load_spec(spec).graph.layers[-1].output_shape == (None, 8)
    found = from_json(
        json.dumps(
            functional(
                INPUT,
                call("t", "io.read_file", ["x", 0, 0]),
                inputs=[["x", 0, 0]],
                outputs=[["t", 0, 0]],
            )
        )
    )
    assert "io.read_file" in str(found.diagnostics[0])


# What a model was compiled with -------------------------------------------------------------------


def test_what_a_model_was_compiled_with_is_the_section_training() -> None:
    compiled = {
        "optimizer": {
            "module": "keras.optimizers",
            "class_name": "Adam",
            "config": {
                "name": "adam",
                "learning_rate": 0.0010000000474974513,
                "weight_decay": None,
                "clipnorm": 0.5,
                "beta_1": 0.9,
            },
        },
        "loss": "sparse_categorical_crossentropy",
        "loss_weights": None,
        "metrics": ["accuracy"],
    }
    found = import_model(DENSE, compiled)
    assert found.value is not None and not found.diagnostics
    assert found.value.spec["training"] == {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": {"Adam": {"clipnorm": 0.5}},
        "metrics": ["accuracy"],
    }


def test_a_loss_of_its_authors_is_a_warning() -> None:
    found = import_model(DENSE, {"optimizer": "adam", "loss": "my_loss"})
    assert found.value is not None and "training" not in found.value.spec
    assert [(one.code, one.severity) for one in found.diagnostics] == [("MS744", "warning")] * 2


# The command --------------------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", *arguments])


def test_the_command_writes_the_spec_and_says_what_it_did(tmp_path: Path) -> None:
    model, spec = tmp_path / "model.json", tmp_path / "spec.yaml"
    model.write_text(json.dumps(DENSE))
    result = run(str(model), "-o", str(spec))
    assert result.exit_code == 0
    assert "1 layers, 27 parameters: 8 lines" in result.stderr
    assert ms.load_spec(spec).graph.parameters == 27
    assert "Dense" in run(str(model), "-o", "-").stdout


def test_a_lambda_fails_the_command_and_a_placeholder_saves_the_rest(tmp_path: Path) -> None:
    model = tmp_path / "model.json"
    model.write_text(
        json.dumps(
            sequential(("Dense", {"units": 2}), ("Lambda", {"name": "norm", "function": "x"}))
        )
    )
    refused = run(str(model), "-o", "-")
    assert refused.exit_code == 1 and "norm" in refused.stderr and "MS742" in refused.stderr
    saved = run(str(model), "-o", "-", "--placeholder")
    assert saved.exit_code == 0
    assert "- Identity: {name: norm}" in saved.stdout and "# `norm` replaces an" in saved.stdout


def test_a_shape_that_the_file_lacks_is_given(tmp_path: Path) -> None:
    model = tmp_path / "model.json"
    model.write_text(
        json.dumps(
            {
                "class_name": "Sequential",
                "config": {
                    "name": "s",
                    "layers": [{"class_name": "Dense", "config": {"units": 2}}],
                },
            }
        )
    )
    assert "--input-shape" in run(str(model), "-o", "-").stderr
    assert "inputs: [7]" in run(str(model), "-o", "-", "--input-shape", "7").stdout
    assert run(str(model), "-o", "-", "--input-shape", "7,x").exit_code == 2


def test_without_weights_no_framework_is_loaded(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "model.h5", model_config=json.dumps(DENSE))
    code = (
        f"import sys; from modelspec.cli import main; main(['import', {str(path)!r}, '-o', '-'], "
        "standalone_mode=False); print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_what_is_dumped_is_read_again() -> None:
    spec = ms.load_spec(spec_of(DENSE))
    text = ms.dump(spec)
    assert "- Dense: {units: 3, activation: relu}" in text
    assert ms.dump(ms.load_spec(spec.written)) == text

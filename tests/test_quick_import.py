"""A command loads TensorFlow by `framework.load`, which sets it up first, and without what Keras
does without.
"""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

import modelspec as ms
from modelspec.cli import main
from modelspec.core.quick_import import lazy_patterns, quick_import

SPEC = {
    "model": {"inputs": {"x": [2]}, "layers": [{"Dense": 1}]},
    "data": {"source": {"npz": "d.npz"}, "inputs": {"x": "x"}, "targets": "y"},
    "training": {"loss": "mse"},
}
COMMAND = """
import json, sys
from importlib.abc import MetaPathFinder

class Seen(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "keras":
            found.append("tensorflow" in sys.modules)

found = []
sys.meta_path.insert(0, Seen())
from modelspec.cli import run
try:
    run()
finally:
    print(json.dumps([all(found), "sklearn" in sys.modules, "keras" in sys.modules]))
"""
COMMANDS = (
    "train s.json --run-dir other",
    "evaluate run --data d.npz",
    "predict run --data d.npz -o out.npz",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec, its data, and a run."""
    import numpy as np

    folder = tmp_path_factory.mktemp("quick")
    np.savez(folder / "d.npz", x=np.zeros((4, 2)), y=np.zeros(4))
    (folder / "s.json").write_text(json.dumps(SPEC))
    ms.load_spec(folder / "s.json").train(folder / "run")
    return folder


@pytest.mark.tensorflow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_loads_tensorflow_first(command: str, trained: Path) -> None:
    """Without its messages, and without scikit-learn: Keras would load TensorFlow with them, and
    before the threads of the run are set.
    """
    variables = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *command.split()],
        cwd=trained,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [True, False, True]
    assert "WARNING" not in done.stderr and "cpu_feature_guard" not in done.stderr


def test_the_garbage_collector_is_as_it_was_afterwards() -> None:
    enabled = gc.isenabled()
    with quick_import():
        assert not gc.isenabled()
    assert gc.isenabled() == enabled
    gc.disable()
    try:
        with quick_import():
            pass
        assert not gc.isenabled()
    finally:
        if enabled:
            gc.enable()


PATTERNED = """
import re
WORD = re.compile('[a-z]+', re.IGNORECASE)
class Number:
    DIGITS = re.compile('[0-9]+')
def compiled(text):
    return re.compile(text)
"""


def patterned(name: str) -> Any:
    """A module with this name, imported where patterns are lazy."""
    module = ModuleType(name)
    with lazy_patterns():
        exec(compile(PATTERNED, f"{name}.py", "exec"), module.__dict__)
    return module


def test_patterns_of_modules_are_compiled_on_first_use() -> None:
    before = re.compile
    found = patterned("modelspec.patterned")
    assert re.compile is before
    assert not isinstance(found.WORD, re.Pattern)
    assert found.WORD.fullmatch("Ab").group() == "Ab"
    assert (found.WORD.pattern, found.WORD.flags) == ("[a-z]+", re.compile("", re.I).flags)
    assert found.Number.DIGITS.sub("#", "a1b22") == "a#b#"
    assert isinstance(found.compiled("a"), re.Pattern)
    with pytest.raises(re.error):
        found.compiled("(")


def test_patterns_of_plugins_are_compiled_at_once() -> None:
    found = patterned("ourlab.patterned")
    assert isinstance(found.WORD, re.Pattern) and isinstance(found.Number.DIGITS, re.Pattern)


def test_a_function_compiles_at_once_inside_too() -> None:
    with lazy_patterns():
        assert isinstance(re.compile("a"), re.Pattern)
        with pytest.raises(re.error):
            re.compile("(")


def test_a_quick_check_says_what_a_usual_one_says(tmp_path: Path) -> None:
    """About the example specs, and about each with a misspelt key and without its end."""
    for path in sorted((Path(__file__).parents[1] / "configs").glob("*.yaml")):
        text = path.read_text("utf-8")
        (tmp_path / path.name).write_text(text, "utf-8")
        (tmp_path / f"cut-{path.name}").write_text(text[: len(text) * 2 // 3], "utf-8")
        (tmp_path / f"typo-{path.name}").write_text(text.replace("layers:", "lyaers:"), "utf-8")
    words = ["check", "--no-cache", "--format", "json", *map(str, sorted(tmp_path.glob("*.yaml")))]
    done = subprocess.run(
        [sys.executable, "-m", "modelspec", *words], capture_output=True, text=True, check=False
    )
    usual = CliRunner().invoke(main, words)
    assert len(json.loads(done.stdout)["diagnostics"]) > 30
    assert (done.returncode, done.stdout) == (usual.exit_code, usual.stdout)


LIBRARIES = """
import dataclasses, json, sys, typing_extensions
from modelspec.core.quick_import import import_pydantic

before = dataclasses.dataclass, typing_extensions.TypedDict
import_pydantic()
assert before == (dataclasses.dataclass, typing_extensions.TypedDict)
assert "secrets" not in sys.modules
from typing import Annotated, Literal
import annotated_types, copy
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError
import pydantic.dataclasses

class Model(BaseModel):
    model_config = ConfigDict(frozen=True)
    size: Annotated[int, Field(gt=0, le=9)]
    kind: Literal["a", "b"] = "a"

class Keys(typing_extensions.TypedDict, total=False):
    size: int

@pydantic.dataclasses.dataclass
class Record:
    size: int

try:
    Model.model_validate({"size": 10, "kind": "c"})
except ValidationError as error:
    faults = [(one["type"], list(one["loc"])) for one in error.errors()]
bound = annotated_types.Gt(3)
print(json.dumps([
    faults,
    Model.model_json_schema(),
    TypeAdapter(Keys).validate_python({"size": "3"}),
    Record("4").size,
    copy.deepcopy(bound) == bound and hash(bound) == hash(annotated_types.Gt(3)),
    repr(bound),
    SecretStr("a") == SecretStr("a"),
    sorted(Keys.__annotations__),
]))
"""


def test_pydantic_works_the_same_after_its_quick_import() -> None:
    """The same program, with the import and without it, in two processes."""
    usual = LIBRARIES.replace("import_pydantic()\n", "import pydantic\n", 1)
    usual = usual.replace('assert "secrets" not in sys.modules\n', "")
    assert usual.count("import_pydantic") == 1  # the import of the function
    found = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        for program in (LIBRARIES, usual)
    ]
    assert found[0].returncode == 0, found[0].stderr
    assert found[0].stdout == found[1].stdout != ""

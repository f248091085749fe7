"""The calls of layers in Keras's own tests, as specs: `python -m tests.tools.keras_layer_tests
CHECKOUT [WORD...]`, where CHECKOUT contains the source of the installed Keras with its tests
(`pip download --no-deps --no-binary :all: keras==X`, unpacked).

Another process records the calls (`keras_layer_calls`). Each becomes a spec, whose shapes, or whose
refusal, must be Keras's. WORD selects files of tests by a part of their path.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def compared(call: Mapping[str, Any]) -> str:
    """The difference between the spec of a call and Keras; empty if there is none."""
    import modelspec as ms

    spec = spec_of(call)
    report = ms.check(spec)
    errors = [f"{one.code}: {one.message}" for one in report.diagnostics if one.severity == "error"]
    if "refused" in call or errors:
        if "refused" in call and errors:
            return ""
        return errors[0] if errors else f"accepted, but Keras: {call['refused']}"
    if call["inputs"] is None:
        return ""
    (layer,) = [one for one in ms.load_spec(spec).graph.layers if one.name == "tested"]
    ours = layer.output_shape
    shapes = [list(one) for one in _leaves(ours)]
    return "" if _are_equal(shapes, call["outputs"]) else f"{shapes}, but Keras: {call['outputs']}"


def _are_equal(ours: list[Any], theirs: list[Any]) -> bool:
    return len(ours) == len(theirs) and all(
        len(one) == len(other)
        and all(
            a == b or not isinstance(a, int) or b is None for a, b in zip(one, other, strict=True)
        )
        for one, other in zip(ours, theirs, strict=True)
    )


def _leaves(value: Any) -> Iterator[Any]:
    """The shapes in lists and mappings of them."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple) and all(
        one is None or isinstance(one, (int, str)) for one in value
    ):
        yield value
        return
    for one in value:
        yield from _leaves(one)


def spec_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a model with the layer alone."""
    inputs: dict[str, Any] = {}

    def named(value: Any, name: str) -> Any:
        if isinstance(value, dict) and set(value) == {"shape", "dtype"}:
            inputs[name] = {"shape": value["shape"][1:], "dtype": value["dtype"]}
            return name
        items = value.items() if isinstance(value, dict) else enumerate(value)
        found = [(key, named(one, f"{name}_{key}" if name else str(key))) for key, one in items]
        return dict(found) if isinstance(value, dict) else [one for _, one in found]

    body = {key: _written(value) for key, value in call["settings"].items()}
    given = call["inputs"]
    sources = named(given if given is not None else {"shape": [None, 4], "dtype": "float32"}, "x")
    body |= {"from": sources, "name": "tested"}
    if call["options"]:
        body["call"] = call["options"]
    count = len(call.get("outputs", ()))
    outputs = [f"tested.{number}" for number in range(count)] if count > 1 else "tested"
    return {"model": {"inputs": inputs, "layers": [{call["kind"]: body}], "outputs": outputs}}


def _written(value: Any) -> Any:
    """A setting as in a spec: layers by their names, components as Keras serializes them."""
    from modelspec.catalog.layers import LAYERS
    from modelspec.importers.value_forms import plain

    if isinstance(value, list):
        return [_written(one) for one in value]
    is_object = isinstance(value, dict) and "class_name" in value
    return plain(value) if is_object and value["class_name"] in LAYERS else value


def recorded(checkout: str, words: Sequence[str]) -> list[dict[str, Any]]:
    """The calls in Keras's tests, from the process that runs them."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "calls"
        module = "tests.tools.keras_layer_calls"
        command = [sys.executable, "-m", module, checkout, str(place), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def report(calls: list[dict[str, Any]]) -> None:
    left_out = Counter(call["skipped"] for call in calls if "skipped" in call)
    tried = [call for call in calls if "skipped" not in call]
    wrong = [(call, difference) for call in tried if (difference := _difference(call))]
    for call, difference in wrong:
        shown = ", ".join(f"{key}={value}"[:90] for key, value in call["settings"].items())
        head = f"{call['file']}: {call['kind']}({shown}) {call['inputs']}"
        sys.stdout.write(f"{head}\n    {difference}\n")
    right = len(tried) - len(wrong)
    share = right / max(1, len(tried))
    sys.stdout.write(f"{right:,} of {len(tried):,} calls ({share:.1%}) are as in Keras\n")
    for reason, count in left_out.items():
        sys.stdout.write(f"{count:,} not tried: {reason}\n")


def _difference(call: Mapping[str, Any]) -> str:
    try:
        return compared(call)
    except Exception as error:  # noqa: BLE001  # a bug of modelspec, or of this program
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    report(recorded(sys.argv[1], sys.argv[2:]))

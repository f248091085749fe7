"""Pictures: everything of the graph is in them, nothing overlaps, and every arrow goes down from
its source.
"""

import io
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from PIL import Image

import modelspec as ms
from modelspec.cli import main
from modelspec.views.picture import ENDINGS, picture
from modelspec.views.picture.diagram import Diagram, diagram
from modelspec.views.picture.layout import Layout, Placed, layout

SPECS = sorted(Path("configs").glob("*.yaml"))

BLOCKS = """
blocks:
  residual:
    parameters: {filters: null, stride: 1}
    layers:
      - Conv2D: {filters: $filters, kernel_size: 3, strides: $stride, padding: same}
      - BatchNormalization: {name: main}
      - Conv2D: {filters: $filters, kernel_size: 1, strides: $stride, from: input, name: skip, when: $(stride != 1)}
      - Add: {from: [main, $('skip' if stride != 1 else 'input')]}
  pair: [{residual: {filters: 8, name: a}}, {residual: {filters: 8, stride: 2, name: b}}]
model:
  inputs: {image: [32, 32, 8], other: [32, 32, 8]}
  shared:
    encoder: [{Conv2D: {filters: 8, kernel_size: 3}}, {GlobalAveragePooling2D: {}}]
  layers:
    - pair: {from: image, name: first}
    - GlobalAveragePooling2D: {name: seen}
    - encoder: {from: image, name: left}
    - encoder: {from: other, name: right}
    - Concatenate: {from: [seen, left, right], name: all}
    - Dense: {units: 3, name: verdict}
    - Dense: {units: 2, from: all, name: topic}
  outputs: [verdict, topic]
"""


@pytest.fixture
def blocks(tmp_path: Path) -> ms.Spec:
    path = tmp_path / "blocks.yaml"
    path.write_text(BLOCKS)
    return ms.load_spec(path)


def inside(one: Placed, other: Placed) -> bool:
    return (
        other.x <= one.x
        and one.x + one.width <= other.x + other.width + 0.01
        and other.y <= one.y
        and one.y + one.height <= other.y + other.height + 0.01
    )


def apart(one: Placed, other: Placed) -> bool:
    return (
        one.x + one.width <= other.x + 0.01
        or other.x + other.width <= one.x + 0.01
        or one.y + one.height <= other.y + 0.01
        or other.y + other.height <= one.y + 0.01
    )


def check_layout(drawn: Diagram) -> Layout:
    found = layout(drawn)
    whole = Placed(0, 0, found.width, found.height)
    places = {box.key: place for box, place in found.boxes}
    frames = {frame.key: place for frame, place in found.frames}
    assert set(places) == set(drawn.boxes)
    for (one, here), (other, there) in (
        (a, b) for i, a in enumerate(found.boxes) for b in found.boxes[:i]
    ):
        assert apart(here, there), (one.key, other.key)
    for box, place in found.boxes:
        assert inside(place, whole)
        for frame in box.frame.way:
            assert inside(place, frames[frame.key]), (box.key, frame.title)
        for key, place_of_frame in frames.items():
            if key not in {frame.key for frame in box.frame.way}:
                assert apart(place, place_of_frame), (box.key, key)
    for arrow, points in found.lines:
        source, target = places[arrow.source], places[arrow.target]
        assert points[0] == (
            pytest.approx(source.x + source.width / 2),
            pytest.approx(source.y + source.height),
        )
        assert points[-1] == (pytest.approx(target.x + target.width / 2), pytest.approx(target.y))
        assert all(below[1] >= above[1] for above, below in pairwise(points))
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_config_is_drawn_whole_and_nothing_overlaps(path: Path) -> None:
    spec = ms.load_spec(path)
    drawn = diagram(spec.name, spec.graph)
    top = {layer.name for layer in spec.graph.layers if layer.inside is None}
    if drawn.depth == drawn.deepest:
        assert top <= set(drawn.boxes)
    check_layout(drawn)


def test_arrows_are_the_tensors_of_the_graph_with_their_shapes(blocks: ms.Spec) -> None:
    drawn = diagram("blocks", blocks.graph)
    arrows = {(arrow.source, arrow.target): arrow.shape for arrow in drawn.arrows}
    assert arrows["input:image", "first_a_conv2d"] == "32 \u00d7 32 \u00d7 8"
    assert arrows["first_a_add", "first_b_skip"] == "32 \u00d7 32 \u00d7 8"
    assert arrows["seen", "all"] == "8"
    assert arrows["input:image", "left/conv2d"] == "32 \u00d7 32 \u00d7 8", (
        "to the layer in a sub-model that takes it"
    )
    assert arrows["left/global_average_pooling2d", "all"] == "8", (
        "from the layer in a sub-model that gives it"
    )
    assert arrows["right", "all"] == "8"
    assert arrows["verdict", "output:verdict"] == "3"


def test_blocks_and_sub_models_are_frames_that_fold_by_depth(blocks: ms.Spec) -> None:
    whole = diagram("blocks", blocks.graph)
    titles = {box.key: [frame.title for frame in box.frame.way] for box in whole.boxes.values()}
    assert titles["first_a_conv2d"] == ["first: pair", "first_a: residual"]
    assert titles["left/conv2d"] == ["left: encoder"]
    assert titles["seen"] == []
    assert whole.deepest == whole.depth == 2
    check_layout(whole)

    one = diagram("blocks", blocks.graph, depth=1)
    subtitles = {box.title: box.subtitle for box in one.boxes.values()}
    assert subtitles["residual"] == "first_b  4 layers  688"
    check_layout(one)

    none = diagram("blocks", blocks.graph, depth=0)
    assert {box.title for box in none.boxes.values()} >= {"pair", "encoder", "Concatenate"}
    assert sum(box.parameters or 0 for box in none.boxes.values()) == blocks.graph.parameters
    check_layout(none)


def test_the_second_call_of_something_shared_counts_nothing(blocks: ms.Spec) -> None:
    drawn = diagram("blocks", blocks.graph)
    assert drawn.boxes["right"].subtitle == "right  shared"
    assert sum(box.parameters or 0 for box in drawn.boxes.values()) == blocks.graph.parameters


def test_a_large_model_is_folded_until_it_can_be_looked_at() -> None:
    spec = ms.load_spec(
        {
            "blocks": {
                "pair": [{"block": {"name": "a"}}, {"block": {"name": "b"}}],
                "block": ["ReLU"] * 4,
            },
            "model": {
                "inputs": {"x": [4]},
                "layers": [{"pair": {"name": f"p{number}"}} for number in range(20)],
            },
        }
    )
    drawn = diagram("large", spec.graph)
    assert (drawn.depth, drawn.deepest, len(drawn.boxes)) == (1, 2, 41)
    assert len(diagram("large", spec.graph, depth=9).boxes) == 161


@pytest.mark.parametrize("form", sorted(set(ENDINGS.values())))
def test_every_kind_of_picture_names_every_box(blocks: ms.Spec, form: str) -> None:
    content = picture("blocks", blocks.graph, form)
    if form == "png":
        image = Image.open(io.BytesIO(content))
        image.load()
        assert image.width > 400
        assert len(image.convert("RGB").getcolors(10**6) or ()) > 20, "it is empty"
        return
    for box in diagram("blocks", blocks.graph).boxes.values():
        assert box.title in content.decode()
    if form == "svg":
        root = ElementTree.fromstring(content)
        names = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert "first_b_skip  72" in names


def test_a_name_of_any_kind_breaks_no_picture(blocks: ms.Spec) -> None:
    hostile = 'a"]--></title><script>&\\n'
    svg = picture(hostile, blocks.graph, "svg")
    assert ElementTree.fromstring(svg)[0].text == hostile
    assert b"<script>" not in svg
    assert picture('"\\', blocks.graph, "graphviz").decode().startswith('digraph "\\"\\\\" {')


def test_the_text_of_mermaid_has_no_quotes_inside_of_quotes(blocks: ms.Spec) -> None:
    text = picture("x", blocks.graph, "mermaid").decode()
    assert all(line.count('"') in (0, 2) for line in text.splitlines())
    assert not re.search(r"<(?!b>|/b>|br/>)", text)
    assert text.count("subgraph") == text.count("\n    end") + text.count("\n        end") == 4


def test_a_picture_loads_no_framework() -> None:
    code = (
        "import sys, modelspec as ms; from modelspec.views.picture import picture;"
        "s = ms.load_spec('configs/digits.yaml');"
        "[picture('x', s.graph, form) for form in ('svg', 'png', 'mermaid', 'graphviz')];"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "PIL" in loaded
    assert not {"tensorflow", "keras", "numpy"} & set(loaded)


def test_show_draws_by_the_ending_of_the_path(tmp_path: Path) -> None:
    runner = CliRunner()
    for ending in ENDINGS:
        path = tmp_path / f"model{ending}"
        assert (
            runner.invoke(main, ["show", "configs/siamese.yaml", "--picture", str(path)]).exit_code
            == 0
        )
        assert path.stat().st_size > 500
    wrong = runner.invoke(
        main, ["show", "configs/siamese.yaml", "--picture", str(tmp_path / "model.jpg")]
    )
    assert wrong.exit_code == 2
    assert "the extension must be one of .svg, .png" in wrong.output
    nowhere = runner.invoke(
        main, ["show", "configs/siamese.yaml", "--picture", str(tmp_path / "no" / "model.svg")]
    )
    assert nowhere.exit_code != 0
    assert "Traceback" not in nowhere.output

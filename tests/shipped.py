"""A small library of kinds in a folder of its own, for tests of how a spec uses one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelspec.catalog import library
from modelspec.compiler.expand.library_kinds import load

TINY = """\
name: tiny
description: Two convolutions, and a top. For tests.
vars:
  include_top: true
  input_shape: [8, 8, 3]              # of the image
  pooling: null
  classes: 1000
  classifier_activation: softmax
  depths: [1, 1]
  width: 4
blocks:
  step:
    parameters: {filters: null}
    layers:
      - branches:
          - - Conv2D: {filters: $filters, kernel_size: 3, padding: same, name: conv}
          - - Conv2D: {filters: $filters, kernel_size: 1, name: skip}
        join: {Add: {name: add}}
      - ReLU: {name: out}
model:
  inputs: {image: $input_shape}
  layers:
    - Conv2D: {filters: $width, kernel_size: 3, name: conv1}
    - for: {depth: $depths}
      index: i
      do:
        - for: {n: $(range(depth))}
          do: [{step: {filters: $(width * 2 ** i), name: stage$(i + 1)_block$(n + 1)}}]
    - when: $include_top
      do:
        - GlobalAveragePooling2D: {name: avg_pool}
        - Dense: {units: $classes, activation: $classifier_activation, name: predictions}
      else:
        - GlobalAveragePooling2D: {name: avg_pool, when: $(pooling == 'avg')}
        - GlobalMaxPooling2D: {name: max_pool, when: $(pooling == 'max')}
"""
TINY2 = """\
extends: Tiny.yaml
name: tiny2
description: Tiny, deeper.
vars: {depths: [2, 1]}
"""
PICKY = """\
name: picky
description: Follows from the number of channels.
vars: {input_shape: [8, 8, 3]}
model:
  inputs: {image: $input_shape}
  layers:
    - Dense: {units: "$(2 * input_shape[-1])", name: twice}
"""
MIXER = """\
name: mixer
description: Two dense layers.
blocks:
  part:
    parameters: {units: 4}
    layers: [{Dense: {units: $units, name: one}}]
  Mixer:
    parameters:
      units: null                       # how wide
    primary: units
    layers:
      - part: {units: $units, name: inner}
      - Wrapped: {name: last}
"""
WRAPPED = """\
description: A block that another uses.
blocks:
  Wrapped:
    layers: [{Dropout: {rate: 0.5, name: drop}}]
"""
SCALED = """\
name: scaled
description: Has one more layer where its weights are those of ImageNet.
vars: {include_top: false, weights: null, scaled: $(weights == 'imagenet')}
model:
  inputs: {image: [null, null, 3]}
  layers:
    - Rescaling: {scale: 2.0, when: $scaled}
    - ReLU: {name: out}
"""
FILES = {
    "Tiny": TINY,
    "Tiny2": TINY2,
    "Picky": PICKY,
    "Mixer": MIXER,
    "Wrapped": WRAPPED,
    "Scaled": SCALED,
}


def _forget() -> None:
    for cached in (library.kinds, library.read_kind, load):
        cached.cache_clear()


@contextmanager
def small_library(folder: Path) -> Iterator[None]:
    """The library is `FILES` for a while, written to a folder."""
    for name, text in FILES.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "FOLDER", folder)
        _forget()
        yield
    _forget()

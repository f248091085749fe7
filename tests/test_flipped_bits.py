"""One seeded bit of every byte of small data files, flipped: the file is read, or its error names
it. `tests/tools/flip_bits.py` flips every bit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.flip_bits import FORMATS, flipped, sample_of_bits

MOST = {"hdf5": 400}
"""The most bytes of a format whose file is long: a seeded sample of them."""
pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow and SciPy warn of damaged metadata


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_with_a_flipped_bit_is_read_or_named(name: str, tmp_path: Path) -> None:
    if name == "wav":
        pytest.importorskip("soundfile", reason="reading audio requires modelspec[audio]")
    chosen = FORMATS[name]
    path = tmp_path / chosen.file
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen.write(path)
    bits = sample_of_bits(path.read_bytes(), 5, MOST.get(name, 1200))
    assert len(bits) >= 16
    assert list(flipped(name, tmp_path, bits)) == []

"""Seeds faults into real specs, and prints for each class of fault how often exactly one diagnostic
is reported, how often it is at its place, and what else was reported:

    python -m tests.tools.seed_faults [SEED] [FAULTS OF EACH CLASS IN EACH SPEC] [CLASS ...]
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.source import read
from tests.test_seeded_faults import CONFIGS, SEEDS, Seeded, apply, at_place, diagnose

Outcome = tuple[Path, Seeded, tuple[Diagnostic, ...]]


def tried(seed: str, count: int, kinds: list[str], folder: Path) -> dict[str, list[Outcome]]:
    """The outcomes by class of fault."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for config in CONFIGS:
        document = read(str(config)).value
        assert document is not None
        text = config.read_text(encoding="utf-8")
        most = 1 if "extends" in document.root.entries else count
        for kind in kinds:
            rng = random.Random(f"{seed} {config.name} {kind}")
            faults = [one for one in SEEDS[kind](document.root, rng) if apply(text, one) != text]
            for one in rng.sample(faults, min(most, len(faults))):
                found[kind].append((config, one, diagnose(apply(text, one), folder)))
    return found


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(arguments: list[str]) -> None:
    seed = arguments[0] if arguments else "1"
    count = int(arguments[1]) if len(arguments) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        found = tried(seed, count, arguments[2:] or list(SEEDS), Path(folder))
    for outcomes in found.values():
        for config, one, said in outcomes:
            if len(said) != 1 or not at_place(one, said):
                write(f"{config.stem}: {one.kind} {one.span.text!r} -> {one.text!r} {one.span}")
                for other in said:
                    write(f"      {other}")
    for kind, outcomes in found.items():
        single = sum(len(said) == 1 for _, _, said in outcomes) / len(outcomes)
        placed = sum(at_place(one, said) for _, one, said in outcomes) / len(outcomes)
        write(
            f"{kind:12} {len(outcomes):5} faults, one diagnostic {single:7.2%}, place {placed:7.2%}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])

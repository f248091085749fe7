"""How tokens are chosen: against sums and searches that are written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from modelspec.runtime.data import RunError
from modelspec.runtime.run.generation.beams import search
from modelspec.runtime.run.generation.draws import Draws
from modelspec.runtime.run.generation.options import Generated
from modelspec.runtime.run.generation.sampling import Sampling, drawn
from modelspec.runtime.run.generation.vocabulary import Vocabulary


def expected(
    shares: Sequence[float], temperature: float, top_k: int | None, top_p: float | None
) -> list[float]:
    """The distribution by its definition, one token after the other."""
    found = [share ** (1 / temperature) for share in shares]
    found = [share / math.fsum(found) for share in found]
    order = sorted(range(len(found)), key=lambda token: (-found[token], token))
    if top_k is not None:
        found = [share if token in order[:top_k] else 0.0 for token, share in enumerate(found)]
        found = [share / math.fsum(found) for share in found]
    if top_p is not None:
        kept, total = [], 0.0
        for token in order:
            if total >= top_p:
                break
            kept.append(token)
            total += found[token]
        found = [share if token in kept else 0.0 for token, share in enumerate(found)]
    return [share / math.fsum(found) for share in found]


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("top_k", [None, 1, 3, 50])
@pytest.mark.parametrize("top_p", [None, 0.05, 0.5, 0.93, 1.0])
def test_the_distribution_is_the_one_that_is_defined(
    temperature: float, top_k: int | None, top_p: float | None
) -> None:
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.full(9, 0.4), size=5)
    found = Sampling(temperature, top_k, top_p).probabilities(np.log(shares))
    for row, one in zip(found, shares, strict=True):
        assert row == pytest.approx(expected(one.tolist(), temperature, top_k, top_p), abs=1e-12)


def test_equal_tokens_are_kept_in_their_order() -> None:
    scores = np.log(np.full((1, 4), 0.25))
    assert Sampling(top_k=2).probabilities(scores)[0].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert Sampling(top_p=0.5).probabilities(scores)[0].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert Sampling(temperature=0).choose(scores, np.array([0.9])).tolist() == [0]


def test_a_token_that_is_not_allowed_is_never_drawn() -> None:
    scores = np.array([[-np.inf, 0.0, 0.0, -np.inf]])
    for number in (0.0, 0.4999, 0.5, np.nextafter(1, 0)):
        assert Sampling().choose(scores, np.array([number]))[0] in (1, 2)
    assert drawn(np.array([[0.0, 1.0]]), np.array([0.0])).tolist() == [1]


def test_draws_follow_from_the_seed_the_row_and_the_number() -> None:
    alone = Draws(5, [(7, 0)])
    together = Draws(5, [(6, 0), (7, 0), (7, 1)])
    first, both = alone.uniform(), together.uniform()
    assert both[1] == first[0]
    assert len(set(both.tolist())) == 3
    assert together.normal((2,))[1].tolist() == alone.normal((2,))[0].tolist()
    assert Draws(6, [(7, 0)]).uniform()[0] != first[0]


# Beam search --------------------------------------------------------------------------------------

NEXT = np.log(
    [
        [0.05, 0.60, 0.30, 0.05],
        [0.10, 0.10, 0.45, 0.35],
        [0.55, 0.15, 0.05, 0.25],
        [0.25, 0.25, 0.25, 0.25],
    ]
)
"""The logarithms of the probabilities of the next token by the last one. 3 ends a text."""
END = 3


def next_scores(made: list[list[int]]) -> np.ndarray:
    return np.stack([NEXT[one[-1] if one else 0] for one in made])


def every_text(length: int) -> dict[tuple[int, ...], float]:
    """Every text that ends, or has so many tokens, with the logarithm of its probability."""
    found = {}
    for size in range(1, length + 1):
        for text in itertools.product(range(4), repeat=size):
            ends = text[-1] == END
            if END in text[:-1] or (not ends and size < length):
                continue
            found[text] = sum(NEXT[a][b] for a, b in itertools.pairwise((0, *text)))
    return found


@pytest.mark.parametrize("penalty", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("length", [1, 2, 4, 6])
def test_enough_beams_find_the_best_texts_of_all(penalty: float, length: int) -> None:
    texts = every_text(length)
    assert math.fsum(map(math.exp, texts.values())) == pytest.approx(1)
    best = sorted((total / len(text) ** penalty for text, total in texts.items()), reverse=True)
    found = search(
        next_scores,
        lambda made: made[-1] == END,
        beams=4 ** min(length, 4),
        length=length,
        penalty=penalty,
    )
    count = min(3, len(texts))
    assert [one.score(penalty) for one in found[:count]] == pytest.approx(best[:count])
    assert all(texts[one.tokens] == pytest.approx(one.total) for one in found)


def test_several_beams_find_what_greedy_misses() -> None:
    """The most probable first token leads to a less probable text."""
    table = np.log([[0.0001, 0.55, 0.4499], [0.34, 0.33, 0.33], [0.05, 0.9, 0.05]])

    def scores(made: list[list[int]]) -> np.ndarray:
        return np.stack([table[one[-1] if one else 0] for one in made])

    def found(beams: int) -> tuple[int, ...]:
        best = search(scores, lambda made: False, beams=beams, length=2, penalty=1.0)
        return best[0].tokens

    assert found(1)[0] == 1
    assert found(2) == (2, 1)


# Options ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"temperature": float("nan")},
        {"temperature": True},
        {"top_k": 0},
        {"top_k": 2.5},
        {"top_p": 0},
        {"top_p": 1.5},
        {"beams": 2, "temperature": 0.5},
        {"beams": 2, "top_p": 0.5},
        {"length_penalty": 1.0},
        {"temperature": 0, "top_k": 3},
        {"seed": -1},
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(RunError) as caught:
        Generated(5, **options).checked()  # type: ignore[arg-type]
    assert [one.code for one in caught.value.diagnostics] == ["MS796"]


def test_a_vocabulary_translates_by_token_and_has_no_text_for_padding() -> None:
    first = Vocabulary((None, "[UNK]", "a", "b"), frozenset({1}))
    second = Vocabulary(("b", "[UNK]", "a", "c"), frozenset({1}))
    assert first.translated(second).tolist() == [1, 1, 2, 0]
    assert second.translated(first).tolist() == [3, 1, 2, 1]
    assert first.allowed(6).tolist() == [False, True, True, True, False, False]
    assert first.text([3, 2, 2]) == "b a a"

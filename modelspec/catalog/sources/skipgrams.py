"""`skipgrams`: pairs of words, drawn from text."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class skipgrams(Source):
    """Pairs of neighboring words (label 1) and random pairs (label 0), to train word embeddings.

    ```yaml
    source: {skipgrams: {path: tokens.txt, vocabulary_size: 10000, window_size: 2}}
    ```

    The file has one sequence of word indices per line, separated by spaces. Columns: `target`,
    `context` and `label`. Index 0 is not a word and is ignored. The same settings give the same
    pairs.
    """

    shared_endings: ClassVar = (".txt",)
    own_target: ClassVar = True

    path: ProjectPaths
    vocabulary_size: Annotated[int, Field(ge=2)]
    """The size of the vocabulary: the largest word index plus 1."""
    column: str | None = None
    """The column with the word indices, where the files are tables or arrays (inferred from their
    extension).
    """
    window_size: Annotated[int, Field(ge=1)] = 4
    """The number of words on each side of a word that make pairs with it."""
    negative_samples: Annotated[float, Field(ge=0)] = 1.0
    """The number of random (negative) pairs for each pair of neighboring words."""
    shuffle: bool = True
    sampling_factor: Annotated[float, Field(gt=0)] | None = None
    """Randomly leaves out frequent words, like `make_sampling_table` of older Keras versions:
    indices are ranks by frequency. A common value is 1e-05; `null` keeps all.
    """
    seed: Annotated[int, Field(ge=0)] = 0

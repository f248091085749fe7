"""`skipgrams`: pairs of words, drawn from texts."""

from typing import Annotated, ClassVar

from pydantic import Field

from modelspec.core.paths import ProjectPaths

from .common.source import Source


class skipgrams(Source):
    """Pairs of words that stand near each other (label 1), and random pairs (label 0), to learn
    word vectors from.

    ```yaml
    source: {skipgrams: {path: tokens.txt, vocabulary_size: 10000, window_size: 2}}
    ```

    The file has one text a line: word indices, separated by spaces. Columns: `target`, `context`
    and `label`. Index 0 is no word and is passed over. The same settings give the same pairs.
    """

    shared_endings: ClassVar = (".txt",)
    own_target: ClassVar = True

    path: ProjectPaths
    vocabulary_size: Annotated[int, Field(ge=2)]
    """The largest word index, plus 1."""
    column: str | None = None
    """The column with the word indices, where the files are tables or arrays; their ending tells
    which.
    """
    window_size: Annotated[int, Field(ge=1)] = 4
    """How many words to each side are near."""
    negative_samples: Annotated[float, Field(ge=0)] = 1.0
    """Random pairs for each pair of words that stand near each other."""
    shuffle: bool = True
    sampling_factor: Annotated[float, Field(gt=0)] | None = None
    """Leave out frequent words at random, as older Keras's `make_sampling_table` has it: indices
    are ranks by frequency. 1e-05 is usual.
    """
    seed: Annotated[int, Field(ge=0)] = 0

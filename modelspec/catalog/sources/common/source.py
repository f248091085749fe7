"""What every source declares beside its settings."""

import re
from typing import Any, ClassVar

from modelspec.core.settings import Settings
from modelspec.core.shapes import Shape
from modelspec.core.source import Value


class Source(Settings):
    """The settings of one source, and how the path of a file tells it."""

    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names of it."""
    endings: ClassVar[tuple[str, ...]] = ()
    """The endings that its files alone have, in lower case; `.gz` may follow."""
    shared_endings: ClassVar[tuple[str, ...]] = ()
    """Endings that mean it only where the spec reads such a source already."""
    file_name: ClassVar[re.Pattern[str] | None] = None
    """What the names of its files contain, whatever they end in."""
    of_folders: ClassVar[bool] = False
    """Whether a folder means it where the spec reads such a source already."""
    one_value_cells: ClassVar[bool] = False
    """Whether a column has one value for each example; else only the data show its shape."""
    own_target: ClassVar[bool] = False
    """Whether it may have a target of its own, which a single output takes by default."""

    @property
    def shown_name(self) -> str:
        """What a message calls it."""
        return self.kind()

    @property
    def mask_columns(self) -> frozenset[str]:
        """Its columns that hold class numbers, one for each place of an image."""
        return frozenset()

    def picture_shape(self, column: str) -> Shape | None:
        """The height, width and channels of a column of pictures, as far as they are known; None
        for any other column.
        """
        return None

    @property
    def class_count(self) -> int:
        """How many classes its column `target` has, where its name says it; else 0."""
        return 0

    @classmethod
    def settings_for(cls, path: str) -> Value:
        """What stands behind its name for a file of which nothing but the path is known."""
        return path

    def settings_like(self, path: str) -> dict[str, Any]:
        """These settings for another file."""
        return {**self.written(), "path": path}

    def beside_path(self) -> dict[str, Any]:
        """The settings that change what is read from its files: all but the path, and those that
        are not the defaults.
        """
        return self.model_dump(exclude={"path"}, exclude_defaults=True)

    def written(self) -> dict[str, Any]:
        """The settings that the spec has."""
        return {name: getattr(self, name) for name in self.model_fields_set}

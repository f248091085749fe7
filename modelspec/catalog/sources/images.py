"""`images`: image files, of class folders or of a table that names them."""

from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from modelspec.core.paths import ProjectPath
from modelspec.core.settings import Unfit, is_int, refuse

from .common.source import Source


def _size(value: Any) -> tuple[int, int]:
    if is_int(value):
        value = (value, value)
    if (
        not isinstance(value, (tuple, list))
        or len(value) != 2
        or not all(is_int(one) for one in value)
    ):
        raise Unfit("a height and a width, e.g. `[224, 224]`")
    if min(value) < 1:
        raise Unfit("a height and a width of at least 1", code="MS205")
    return value[0], value[1]


class images(Source):
    """Image files: a folder for each class, or a table that names files and what belongs to them.

    ```yaml
    source: {images: {path: photos, size: [224, 224]}}
    ```

    Of folders, the columns are `image` ([height, width, channels]) and `label`, the name of the
    folder; images directly in `path` are all there are where it has no folders. Of a table,
    they are `image` and the table's others:

    ```yaml
    source: {images: {csv: labels.csv, column: file, root: photos, size: 224}}
    ```

    Images of 8 bits per channel are uint8, with the values 0 to 255. PNG files of 16 bits are
    uint16 and keep all of their levels, up to 65535; 10 or 12 bits that are stored in 16 stay as
    they are (0 to 4095). Where both are in one source, the values of 8 bits are multiplied by 257,
    with a warning. The model gets these values in the dtype of its input: a float32 input holds
    each of them, and in a uint8 input a value above 255 is an error. Nothing is scaled:
    `transform: [{Rescaling: $(1 / 65535)}]` brings 16 bits to 0 to 1, and layers with a
    `value_range` take `[0, 65535]` there. Images are resized in their own number of bits.

    PNG, JPEG, BMP and GIF (its first frame) of any colors are read; the rotation that a camera
    noted is carried out. The file's content says what it is, not its ending. Hidden files are
    passed over, and a link that leads out of the folder is a fault. The settings have Keras's terms
    (`image_dataset_from_directory`).
    """

    of_folders: ClassVar = True
    own_target: ClassVar = True

    path: ProjectPath | None = None
    """A folder with a folder for each class."""
    csv: ProjectPath | None = None
    """A table that names an image in each row."""
    column: str | None = None
    """The column of the table with the paths; by default the first."""
    root: ProjectPath | None = None
    """The folder that paths in the table are relative to; by default the table's own."""
    size: (
        Annotated[
            tuple[int, int], PlainValidator(_size, json_schema_input_type=int | tuple[int, int])
        ]
        | None
    ) = None
    """The height and width that every image is resized to; without it all must be of one size."""
    color_mode: Literal["rgb", "grayscale", "rgba"] = "rgb"
    interpolation: Literal["bilinear", "nearest", "bicubic", "area", "lanczos3"] = "bilinear"
    """How Pillow resizes: it averages where an image becomes smaller."""
    crop_to_aspect_ratio: bool = False
    """Cut the middle out rather than distort, where the shape differs."""
    pad_to_aspect_ratio: bool = False
    """Add black borders rather than distort, where the shape differs."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about files that do not decode: `skip` leaves them out, with a warning that counts
    them.
    """
    max_pixels: Annotated[int, Field(ge=1, le=170_000_000)] = 50_000_000
    """An image that claims more is refused before it is decoded."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.csv is None):
            refuse(
                "`images` takes a folder (`path`) or a table (`csv`)",
                "MS203" if self.path is None else "MS208",
                *(("csv",) if self.path is not None else ()),
            )
        for setting in ("column", "root"):
            if self.csv is None and getattr(self, setting) is not None:
                refuse(
                    f"`{setting}` belongs to a table of images, and there is no `csv`",
                    "MS208",
                    setting,
                )
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            refuse("an image is cropped or padded, not both", "MS208", "pad_to_aspect_ratio")
        return self

    def settings_like(self, path: str) -> dict[str, Any]:
        of_table = PurePath(path).suffix.lower() == ".csv"
        others = ("path", "csv") if of_table else ("path", "csv", "column", "root")
        kept = {name: value for name, value in self.written().items() if name not in others}
        return {**kept, "csv" if of_table else "path": path}

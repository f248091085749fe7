"""The interpolations for which TensorFlow has a gradient."""


def setting_without_gradient(
    interpolation: str, dtype: str, *, antialias: bool = False
) -> str | None:
    """The setting by which TensorFlow resizes images without a gradient in this dtype; None if it
    has one. Without an exception, `bicubic` in half precision has none either.
    """
    if interpolation == "area":
        return "interpolation"
    if interpolation == "nearest" or dtype == "float32":
        return None
    if interpolation.startswith("lanczos"):
        return "interpolation"
    if antialias:
        return "antialias"
    return "interpolation" if interpolation == "bicubic" and dtype != "float64" else None

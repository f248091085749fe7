"""The code of our laboratory: declarations in `parts`, Keras classes in `keras_parts`."""

"""Keras models as specs: modelspec reads their files itself and runs no code from them.

read_model    a file        -> plain data      `.keras`, HDF5, JSON, YAML, TensorFlow.js, by content
architecture  plain data    -> Architecture    of Keras 1.0 to 3.x
write_spec    Architecture  -> a spec          with every setting and name of the file
tidy          a spec        -> a spec          without defaults, with blocks and loops
training_of   plain data    -> `training`      loss, optimizer and metrics of a compiled model
"""

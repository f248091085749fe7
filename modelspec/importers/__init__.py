"""Models of Keras as specs: their files are read by modelspec itself, nothing in them is run.

read_model    a file        -> plain data      `.keras`, HDF5, JSON, YAML, TensorFlow.js, by content
architecture  plain data    -> Architecture    of Keras 1.0 to 3.x
write_spec    Architecture  -> a spec          with every setting and name that the file has
tidy          a spec        -> a spec          without defaults, what repeats in blocks and loops
training_of   plain data    -> `training`      loss, optimizer and metrics of a compiled model
"""

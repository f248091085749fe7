"""Weight files in HDF5, read in a process of its own.

That process starts for each file, so this package imports nothing else of the runtime or the
compiler: it starts in a third of the time.
"""

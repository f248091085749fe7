"""The stages with effects: data, Keras models, runs, what runs left on disk, and exports."""

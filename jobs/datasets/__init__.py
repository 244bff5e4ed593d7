"""One file a data set: its real files, or synthetic data of the same shapes."""

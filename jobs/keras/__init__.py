"""Keras: networks trained and inferred with, on TensorFlow, PyTorch and JAX."""

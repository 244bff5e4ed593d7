"""Probes: one file for each thing that a machine can be asked about.

Each asks the machine in one function and reads the answer in another, which is pure. A probe never
raises: what the machine does not tell is absent (None, or no GPU at all).
"""

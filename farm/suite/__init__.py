"""Suites: the file, its mistakes named by line, and the cells and hardware that it asks for."""

"""Measurements made elsewhere: a table of laps (CSV) → results; what it does not say is unknown."""

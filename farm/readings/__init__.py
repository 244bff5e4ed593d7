"""Readings: what is read of one result, its conditions, and whether it learned; pure."""

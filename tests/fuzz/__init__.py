"""Fuzzing: whatever comes from outside is taken or refused in words, and nothing is half done.

`make test` tries a few hundred inputs, the same each time; `make fuzz` ten thousand and more,
others each time (FARM_FUZZ_EXAMPLES says how many each test tries).
"""

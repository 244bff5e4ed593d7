"""The hardware of the tests with a machine that was invited."""

MINE = "t4"
THEIRS = "p100"  # is collected first, so that a lie of the other's would come last

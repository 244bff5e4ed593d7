"""Create ML: Apple's trainer, through a Swift program."""

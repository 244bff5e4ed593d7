"""Runs: submitting, resuming, retrying, cancelling, collecting and forgetting them."""

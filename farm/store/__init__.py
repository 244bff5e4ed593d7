"""The store: runs, jobs and results on disk; SQL is spoken here alone."""

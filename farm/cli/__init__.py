"""The command line: one verb a file, each importing what it needs only when it runs."""

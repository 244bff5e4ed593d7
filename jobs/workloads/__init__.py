"""One file a workload; the file's name is the workload's name."""

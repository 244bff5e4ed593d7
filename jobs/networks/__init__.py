"""Networks, and parts of them, that more than one file of a workload needs."""

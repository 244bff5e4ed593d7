"""Who asks and who reads: suites, the coordinator, the collector, the store and the matrix."""

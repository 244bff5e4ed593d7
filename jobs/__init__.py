"""What is measured: specifications, results, workloads and the child that runs them."""

"""The matrix: readings side by side, what their ratio is worth, and why a cell is empty."""

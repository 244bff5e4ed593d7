"""Statistics: speed-ups and means with their intervals; pure."""

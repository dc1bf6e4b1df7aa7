"""What is worth knowing about a worker, and what the log and the metrics make of it."""

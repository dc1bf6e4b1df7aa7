"""What is worth knowing about a worker: each event with its log line and its metrics."""

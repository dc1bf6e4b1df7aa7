"""What is worth knowing about the API: each event with its log line and its metrics."""

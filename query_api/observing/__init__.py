"""What is worth knowing about the API, and what the log and the metrics make of it."""

"""`POST /v0/events`: documents to topics, and on request until their rows are stored."""

"""Looks at what a worker depends on: servers, topics, and the schema."""

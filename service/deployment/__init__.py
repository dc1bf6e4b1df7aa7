"""Bringing ClickHouse to what a project says: one plan, one lock, the same result however often."""

"""A project's SQL tried by ClickHouse itself, on empty tables of a database beside the real one."""

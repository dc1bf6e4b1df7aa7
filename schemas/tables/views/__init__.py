"""Materialized pipes as views: what each reads and writes, which of them are new, changed or gone, and their DDL."""

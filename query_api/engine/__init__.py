"""Queries on their way to ClickHouse: limits, admission, the executor, what its errors become."""

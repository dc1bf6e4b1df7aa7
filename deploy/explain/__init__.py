"""What a pipe asks ClickHouse, how much is read for it, and what an index would spare."""

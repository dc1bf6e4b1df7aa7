"""Names, texts and tokens of ClickHouse's SQL."""

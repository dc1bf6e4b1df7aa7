"""The HTTP API: HTTP to SQL to ClickHouse, and HTTP to Kafka."""

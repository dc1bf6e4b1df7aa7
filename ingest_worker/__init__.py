"""Kafka to ClickHouse: a consumer group member that loads events."""

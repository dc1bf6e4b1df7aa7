"""What ClickHouse holds of a data source, what it should hold, and the statements between the two."""

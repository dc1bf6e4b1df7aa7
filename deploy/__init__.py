"""Put a project into ClickHouse; run all of Birdhouse on one machine."""

"""What a project holds, over HTTP: pipes, data sources and their files."""

"""Asks a ClickHouse server over HTTP: connections of our own that do what a question needs, and nothing more."""

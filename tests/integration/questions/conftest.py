"""Fixtures of the questions: an API for callers' SQL, on a server and on the embedded engine."""

from tests.integration.callers import api, engine, server_database

__all__ = ["api", "engine", "server_database"]

"""Fixtures of the attacks: an API for callers' SQL, and one with every pipe for hostile requests."""

from tests.integration.attacks.hostile_target import target
from tests.integration.callers import api, engine, server_database

__all__ = ["api", "engine", "server_database", "target"]

"""Which settings no node may change: ClickHouse's limits belong to whoever runs the service."""

from __future__ import annotations

_PREFIXES = (
    "max_",
    "min_execution_speed",
    "timeout_",
    "readonly",
    "allow_ddl",
    "profile",
    "priority",
    "workload",
)
_SUFFIXES = ("_overflow_mode", "_timeout", "_timeout_ms")
_HARMLESS = frozenset({"max_threads"})


def is_limit_setting(name: str) -> bool:
    """Whether a setting is one of the limits, which an author's SETTINGS may not lift."""
    return name not in _HARMLESS and (name.startswith(_PREFIXES) or name.endswith(_SUFFIXES))

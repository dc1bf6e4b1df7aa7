"""The settings under which every statement of a project's files runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.sql.relied_on import RELIED_ON

PROJECT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        **RELIED_ON,
        "allow_suspicious_low_cardinality_types": "1",
        # A time without a zone is UTC, as it is when it is stored, whatever zone ClickHouse is in.
        "session_timezone": "UTC",
    }
)
"""What SQL written for Tinybird relies on and a stock ClickHouse has switched off."""

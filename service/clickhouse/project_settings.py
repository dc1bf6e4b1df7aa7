"""The settings under which every statement of a project's files runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PROJECT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "joined_subquery_requires_alias": "0",
        # `SELECT a AS b … JOIN … USING b`: b is the alias, as it was before ClickHouse's analyzer.
        "analyzer_compatibility_join_using_top_level_identifier": "1",
        "allow_suspicious_types_in_group_by": "1",
        "allow_suspicious_types_in_order_by": "1",
        "allow_dynamic_type_in_join_keys": "1",
        "allow_suspicious_low_cardinality_types": "1",
        # A time without a zone is UTC, as it is when it is stored, whatever zone ClickHouse is in.
        "session_timezone": "UTC",
    }
)
"""What SQL written for Tinybird relies on and a stock ClickHouse has switched off."""

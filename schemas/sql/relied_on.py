"""The settings that SQL written for Tinybird relies on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RELIED_ON: Mapping[str, str] = MappingProxyType(
    {
        "joined_subquery_requires_alias": "0",
        # `SELECT a AS b … JOIN … USING b`: b is the alias, as it was before ClickHouse's analyzer.
        "analyzer_compatibility_join_using_top_level_identifier": "1",
        "allow_suspicious_types_in_group_by": "1",
        "allow_suspicious_types_in_order_by": "1",
        "allow_dynamic_type_in_join_keys": "1",
    }
)
"""What a stock ClickHouse has switched off, and a query or a view's SELECT needs. A view keeps the settings of its
SELECT, whoever inserts: a change here is one of every view."""

"""What one query may use, as ClickHouse settings and as words for whoever runs into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.clickhouse.project_settings import PROJECT_SETTINGS

# ClickHouse refuses a longer HTTP field (`http_max_field_value_size`, code 1000), bound values among them. The length
# is that of the escaped UTF-8 text. Its multipart reader lets one byte more through; we keep to what is documented.
MAX_VALUE_BYTES = 131_072

# Forms of values in answers that callers rely on, whatever the server's profile says.
FORMAT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "output_format_json_quote_64bit_integers": "0",
        "output_format_json_quote_denormals": "0",
        "output_format_json_escape_forward_slashes": "1",
        # Bytes that are no UTF-8 become U+FFFD in JSONEachRow too, as in JSON; nobody could parse such a line.
        "output_format_json_validate_utf8": "1",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one query; 0 is no limit. Sizes are bytes as ClickHouse counts them: uncompressed, in columns.

    `tree_elements` are those of the query when all that it names is put in: ClickHouse looks neither at the time nor
    at whether its caller is still there before it has taken a query apart, so only this ends what takes long at that.
    """

    execution_seconds: float = 10
    memory_bytes: int = 4_000_000_000
    rows_to_read: int = 0
    bytes_to_read: int = 0
    result_rows: int = 0
    result_bytes: int = 100_000_000
    tree_elements: int = 500_000


def limit_settings(limits: Limits) -> dict[str, str]:
    """The ClickHouse settings that hold a query to its limits: going over one is an error, never a shorter answer."""
    return {
        "max_execution_time": f"{limits.execution_seconds:g}",
        "timeout_overflow_mode": "throw",
        "max_memory_usage": str(limits.memory_bytes),
        "max_rows_to_read": str(limits.rows_to_read),
        "max_bytes_to_read": str(limits.bytes_to_read),
        "read_overflow_mode": "throw",
        "max_result_rows": str(limits.result_rows),
        "max_result_bytes": str(limits.result_bytes),
        "result_overflow_mode": "throw",
        "max_expanded_ast_elements": str(limits.tree_elements),
    }


def limit_message(what: str, value: str, setting: str) -> str:
    """What a caller is told of a limit; `setting` is the end of the name of what moves it."""
    return f"{what} `{value}`\nhint: the limit is the setting `BIRDHOUSE_API_MAX_{setting}`"


def query_settings(limits: Limits, *layers: Mapping[str, str]) -> dict[str, str]:
    """All settings of one query. Later layers (a pipe's, then a caller's) win over earlier ones and over our
    defaults; the limits win over all."""
    settings = {**PROJECT_SETTINGS, **FORMAT_SETTINGS}
    for layer in layers:
        settings.update(layer)
    return settings | limit_settings(limits)

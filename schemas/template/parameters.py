"""What a template says of its parameters, for documentation, OpenAPI and who checks requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Parameter:
    """One use of a parameter. `type` is the template function's name (`Int32`, `Array(Int32)`), None when untyped.

    `description`, `required`, `enum`, `example` and `format` are what the author wrote: documentation alone.
    `used_in` is `function_call` for one that only defined(), column() and their kin name.
    """

    name: str
    type: str | None = None
    default: object = None
    description: str | None = None
    required: bool | None = None
    enum: tuple[object, ...] | None = None
    example: object = None
    format: str | None = None
    used_in: str | None = None


_Kind = TypeVar("_Kind")

# Tinybird gives these a meaning in a request, so no template may name them.
FORBIDDEN_NAMES = frozenset({"q", "format"})
# Tinybird's own request parameters: a template that reads them is told so.
RESERVED_NAMES = frozenset({
    "__tb__csv_header", "__tb__semver", "debug_source_tables", "debug", "explain", "finalize_aggregations",
    "output_format_json_quote_64bit_integers", "output_format_json_quote_denormals",
    "output_format_parquet_string_as_string", "pipeline", "playground", "query_id", "release_replacements", "tag",
    "template_parameters", "token", "job_timestamp",
})  # fmt: skip
# Values that never reach a template, whatever it names.
HIDDEN_NAMES = frozenset({"token"})


def merge(uses: list[Parameter]) -> tuple[Parameter, ...]:
    """Each name once: its first typed use, with what only another use says filled in."""
    merged: dict[str, Parameter] = {}
    for use in uses:
        known = merged.get(use.name)
        if known is None:
            merged[use.name] = use
            continue
        first, second = (use, known) if known.type is None and use.type is not None else (known, use)
        merged[use.name] = Parameter(
            name=use.name,
            type=first.type or second.type,
            default=_either(first.default, second.default),
            description=_either(first.description, second.description),
            required=_either(first.required, second.required),
            enum=_either(first.enum, second.enum),
            example=_either(first.example, second.example),
            format=_either(first.format, second.format),
            used_in=first.used_in if first.used_in == second.used_in else None,
        )
    return tuple(merged.values())


def _either(first: _Kind | None, second: _Kind | None) -> _Kind | None:
    return second if first is None else first

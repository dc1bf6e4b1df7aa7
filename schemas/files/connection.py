"""`.connection` files: where a broker or another source is, and how to log in there."""

from __future__ import annotations

from schemas.files.lines.datafile import Datafile
from schemas.files.lines.instructions import Grammar, read_instructions
from schemas.model import Connection, Place, Problem

_LOGIN = ("KEY", "SECRET", "SECURITY_PROTOCOL", "SASL_MECHANISM", "SSL_CA_PEM")
_KAFKA = ("BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", *_LOGIN)
_PREFIXES = {"kafka": "KAFKA_", "s3": "S3_", "gcs": "GCS_", "dynamodb": "DYNAMODB_", "postgres": "PG_"}
_GRAMMAR = Grammar(
    "connection",
    frozenset({"TYPE", "DESCRIPTION", "TAGS", *(f"KAFKA_{name}" for name in _KAFKA)}),
    (*_PREFIXES.values(), "SNOWFLAKE_", "BIGQUERY_", "CONNECTION_"),
)


def read_connection(source: Datafile, name: str) -> Connection | None:
    """The connection of a file's text, or None; what is wrong is added to `source.problems`."""
    kind, settings = "", {}
    head: Problem | None = None
    for instruction in read_instructions(source, _GRAMMAR):
        if instruction.name == "TYPE":
            kind = instruction.text.lower()
            text = f"connections of the type `{kind[:60]}` are read but not used yet"
            head = instruction.problem(text, warning=True)
        elif instruction.name not in ("DESCRIPTION", "TAGS"):
            settings[instruction.name] = instruction.text
    if not kind:
        kind = next((kind for kind, prefix in _PREFIXES.items() if any(key.startswith(prefix) for key in settings)), "")
    if not kind:
        hint = f"write `TYPE kafka`; the types are {', '.join(_PREFIXES)}"
        source.problems.append(Problem(Place(source.file), "the connection has no TYPE", hint))
    elif head is not None and kind != "kafka":
        source.problems.append(head)
    return None if source.has_errors else Connection(name, kind, settings, Place(source.file))

"""`.connection` files: where a broker or another source is, and how to log in there."""

from __future__ import annotations

from schemas.datafile import read_instructions
from schemas.model import Connection, Place, Problem
from schemas.source import Source

_OAUTH = tuple(f"SASL_OAUTHBEARER_{name}" for name in ("METHOD", "AWS_REGION", "AWS_ROLE_ARN", "AWS_EXTERNAL_ID"))
_LOGIN = ("KEY", "SECRET", "SECURITY_PROTOCOL", "SASL_MECHANISM", *_OAUTH)
_SETTINGS = {
    "kafka": ("BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "SSL_CA_PEM", *_LOGIN),
    "s3": ("REGION", "ARN", "ACCESS_KEY", "SECRET"),
    "gcs": ("SERVICE_ACCOUNT_CREDENTIALS_JSON", "HMAC_ACCESS_ID", "HMAC_SECRET", "ACCESS_ID", "SECRET"),
    "dynamodb": ("REGION", "ARN"),
    "postgres": ("HOST", "PORT", "DATABASE", "USERNAME", "USER", "PASSWORD"),
}
_PREFIXES = {"kafka": "KAFKA", "s3": "S3", "gcs": "GCS", "dynamodb": "DYNAMODB", "postgres": "PG"}
KNOWN = {"TYPE", "DESCRIPTION"} | {f"{_PREFIXES[kind]}_{name}" for kind, names in _SETTINGS.items() for name in names}


def read_connection(source: Source, name: str) -> Connection | None:
    """The connection of a file's text, or None; what is wrong is added to `source.problems`."""
    kind, settings = "", {}
    for instruction in read_instructions(source, KNOWN, "connection", lambda *_: False):
        if instruction.name == "TYPE":
            kind = instruction.value.lower()
            if kind not in _SETTINGS:
                hint = f"the types are {', '.join(_SETTINGS)}"
                text = f"`{instruction.value[:60]}` is no type of a connection"
                source.problems.append(instruction.problem(text, hint))
        elif instruction.name != "DESCRIPTION":
            settings[instruction.name] = instruction.text
    if not kind:
        source.problems.append(Problem(Place(source.file), "the connection has no TYPE", "write `TYPE kafka`"))
    elif kind in _SETTINGS and kind != "kafka":
        text = f"connections of the type `{kind}` are kept but not used yet"
        source.problems.append(Problem(Place(source.file), text, severity="warning"))
    if any(problem.severity == "error" for problem in source.problems):
        return None
    return Connection(name, kind, settings, Place(source.file))

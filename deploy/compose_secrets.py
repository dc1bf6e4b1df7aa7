"""What `docker compose up` must not have a well-known value for: generated once, each part given only what it needs.

`python -m deploy.compose_secrets FOLDER OWNER` writes below FOLDER
- `ingest/environment`: the worker's ClickHouse password,
- `api/environment`: the API's ClickHouse password and the secret that tokens are derived from,
- `clickhouse/passwords.xml`: both passwords' SHA-256, for `deploy/clickhouse/users.d/birdhouse.xml`.
The first two are shell assignments that only the user id OWNER may read. Files that are there are kept.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

# 256 bits, as many as HMAC-SHA256 and a SHA-256 of a password can use.
SECRET_BYTES = 32


def generate(folder: Path, owner: int) -> None:
    """Write the three files, unless the last of them is there: then all of them are.

    Raises `OSError` when the folder cannot be written, or OWNER may not be given a file.
    """
    passwords_file = folder / "clickhouse" / "passwords.xml"
    if passwords_file.exists():
        return
    ingest_password, api_password, secret = (secrets.token_hex(SECRET_BYTES) for _ in range(3))
    _write(folder / "ingest" / "environment", _assignments({"CLICKHOUSE_PASSWORD": ingest_password}), 0o400, owner)
    api = {"CLICKHOUSE_PASSWORD": api_password, "BIRDHOUSE_SECRET": secret}
    _write(folder / "api" / "environment", _assignments(api), 0o400, owner)
    _write(passwords_file, _passwords(ingest_password, api_password), 0o444, os.getuid())


def _assignments(values: Mapping[str, str]) -> str:
    """What is given already stays, and so does what a file of the user's says."""
    return "".join(
        f'[ -n "${{{name}_FILE:-}}" ] || export {name}="${{{name}:-{value}}}"\n' for name, value in values.items()
    )


def _passwords(ingest_password: str, api_password: str) -> str:
    return (
        "<clickhouse>\n"
        f"  <birdhouse_ingest_password>{_digest(ingest_password)}</birdhouse_ingest_password>\n"
        f"  <birdhouse_api_password>{_digest(api_password)}</birdhouse_api_password>\n"
        "</clickhouse>\n"
    )


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _write(path: Path, text: str, mode: int, owner: int) -> None:
    """Write a file whole or not at all: an earlier start may have been interrupted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        os.fchown(descriptor, owner, -1)
    fresh.replace(path)


if __name__ == "__main__":
    generate(Path(sys.argv[1]), int(sys.argv[2]))

"""What `docker compose up` must not have a well-known value for: generated once, each part given only what it needs.

`python -m deploy.compose_secrets FOLDER OWNER` writes below FOLDER
- `ingest/environment`: the worker's ClickHouse password,
- `api/environment`: the API's ClickHouse password and the secret that tokens are derived from,
- `ops/environment`: the ClickHouse password of the commands that operators run,
- `clickhouse/passwords.xml`: the passwords' SHA-256, for `deploy/clickhouse/users.d/birdhouse.xml`.
The first three are shell assignments that only the user id OWNER may read. Files that are there are kept; a user that a
newer version has beside the others is added.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

# 256 bits, as many as HMAC-SHA256 and a SHA-256 of a password can use.
SECRET_BYTES = 32
USERS = ("ingest", "api", "ops")


_DIGEST = re.compile(r"<birdhouse_(\w+)_password>([0-9a-f]{64})</")


def generate(folder: Path, owner: int) -> None:
    """Write the files of the users that the last of them, ClickHouse's, does not name yet.

    Raises `OSError` when the folder cannot be written, or OWNER may not be given a file.
    """
    passwords_file = folder / "clickhouse" / "passwords.xml"
    digests = dict(_DIGEST.findall(passwords_file.read_text())) if passwords_file.exists() else {}
    fresh = {user: secrets.token_hex(SECRET_BYTES) for user in USERS if user not in digests}
    for user, password in fresh.items():
        values = {"CLICKHOUSE_PASSWORD": password}
        if user == "api":
            values["BIRDHOUSE_SECRET"] = secrets.token_hex(SECRET_BYTES)
        _write(folder / user / "environment", _assignments(values), 0o400, owner)
    if fresh:
        digests |= {user: _digest(password) for user, password in fresh.items()}
        _write(passwords_file, _passwords(digests), 0o444, os.getuid())


def _assignments(values: Mapping[str, str]) -> str:
    """What is given already stays, and so does what a file of the user's says."""
    return "".join(
        f'[ -n "${{{name}_FILE:-}}" ] || export {name}="${{{name}:-{value}}}"\n' for name, value in values.items()
    )


def _passwords(digests: Mapping[str, str]) -> str:
    lines = (f"  <birdhouse_{user}_password>{digest}</birdhouse_{user}_password>\n" for user, digest in digests.items())
    return f"<clickhouse>\n{''.join(lines)}</clickhouse>\n"


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

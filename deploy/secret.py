"""The secret that every token is derived from: given in the environment, else generated and kept in the data folder."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from deploy.errors import SecretError
from deploy.settings import RunSettings
from service.settings import SHORTEST_SECRET

SECRET_FILE = "secret"  # noqa: S105 - a file's name
ADMIN_TOKEN_FILE = "admin.token"  # noqa: S105 - a file's name
# 256 bits, as many as HMAC-SHA256 can use.
SECRET_BYTES = 32


def is_secret_missing(settings: RunSettings) -> bool:
    """Whether `find_secret` will generate one."""
    return settings.secret is None and not (settings.data / SECRET_FILE).exists()


def find_secret(settings: RunSettings) -> str:
    """The secret of `BIRDHOUSE_SECRET` or of the data folder, which gets one when it has none.

    Raises `SecretError` when the file cannot be read or written, or holds too little.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value()
    path = settings.data / SECRET_FILE
    try:
        private_folder(settings.data)
        _create_once(path)
        path.chmod(0o600)
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(
            f"cannot keep the secret in `{path}`: {error}", "set BIRDHOUSE_DATA to a folder that can be written"
        ) from error
    if len(secret) < SHORTEST_SECRET:
        raise SecretError(
            f"`{path}` holds fewer than {SHORTEST_SECRET} characters",
            "remove the file: a new secret is generated, and every token changes with it",
        )
    return secret


def private_folder(folder: Path) -> None:
    """Make sure that the folder is there; a new one is for its owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file whole; nobody but its owner can ever read it."""
    fresh = _temporary(path)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)


def _create_once(path: Path) -> None:
    """Write a new secret unless the file is there; of two processes at the same moment one wins, whole."""
    if path.exists():
        return
    fresh = _temporary(path)
    write_private(fresh, secrets.token_urlsafe(SECRET_BYTES) + "\n")
    try:
        # A hard link, other than a rename, never replaces what is there already.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
    finally:
        fresh.unlink()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")

"""Certificates made at test time: a CA, and what it signs."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ServerUnavailableError

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
HERE = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")


@dataclass(frozen=True)
class Certificate:
    """Files in PEM form; `both` holds the certificate and its key."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A CA of the tests' own; `certificate` is what must be trusted."""

    def __init__(self, folder: Path, name: str = "tests") -> None:
        """Raises `ServerUnavailableError` without the `openssl` command."""
        if shutil.which("openssl") is None:
            raise ServerUnavailableError("no certificates: the command `openssl` is not there")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.name = folder, name
        self.certificate, self._key = folder / f"{name}-ca.pem", folder / f"{name}-ca.key"
        _openssl("req", "-x509", *_KEY, "-keyout", self._key, "-out", self.certificate, "-subj", f"/CN={name} CA")

    def sign(self, name: str, names: Sequence[str] = (), *, days: int = 2) -> Certificate:
        """A certificate of a server (`names` are those that it is reached under) or of a client called `name`; with
        `days` below 0 it has expired."""
        stem = self._folder / f"{self.name}-{name}"
        request, key, certificate, both = (stem.with_suffix(f".{kind}") for kind in ("csr", "key", "crt", "pem"))
        more = ("-addext", f"subjectAltName={','.join(names)}") if names else ()
        _openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}", *more)
        signing = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-copy_extensions", "copyall")
        _openssl("x509", "-req", "-in", request, *signing, "-days", str(days), "-out", certificate)
        both.write_text(key.read_text() + certificate.read_text())
        return Certificate(certificate, key, both)

    def server_context(self, certificate: Certificate, *, asks_clients: bool = False) -> ssl.SSLContext:
        """What a server needs to show a certificate; `asks_clients`: clients must show one of this CA."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certificate, certificate.key)
        if asks_clients:
            context.load_verify_locations(self.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)

"""Secrets of the compose file: generated once, and given to nobody who does not need them."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from deploy.compose_secrets import generate

USERS = Path(__file__).parents[2] / "deploy/clickhouse/users.d/birdhouse.xml"


def value_of(file: Path, name: str, environment: dict[str, str] | None = None) -> str:
    """What a shell has in a variable after it read the file."""
    script = f'. "$1"; printf %s "${name}"'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(file)], env=environment or {}, capture_output=True, check=True, text=True
    ).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generate(tmp_path, os.getuid())
    return tmp_path


def test_clickhouse_knows_the_digests_of_the_passwords_that_the_services_have(folder: Path) -> None:
    passwords = (folder / "clickhouse/passwords.xml").read_text()
    for service in ("ingest", "api", "ops"):
        password = value_of(folder / service / "environment", "CLICKHOUSE_PASSWORD")
        digest = hashlib.sha256(password.encode()).hexdigest()
        assert f"<birdhouse_{service}_password>{digest}</birdhouse_{service}_password>" in passwords
        assert password not in passwords


def test_clickhouses_users_find_the_digests_by_name(folder: Path) -> None:
    wanted = {node.attrib["incl"] for node in ElementTree.parse(USERS).iter("password_sha256_hex")}
    given = {node.tag for node in ElementTree.parse(folder / "clickhouse/passwords.xml").getroot()}
    assert wanted == given


def test_no_secret_serves_twice(folder: Path) -> None:
    texts = [(folder / service / "environment").read_text() for service in ("ingest", "api", "ops")]
    found = re.findall("[0-9a-f]{64}", "".join(texts))
    assert len(found) == len(set(found)) == 4
    assert "BIRDHOUSE_SECRET" not in texts[0]


def test_only_their_owner_may_read_the_services_files(folder: Path) -> None:
    for service in ("ingest", "api", "ops"):
        assert (folder / service / "environment").stat().st_mode & 0o777 == 0o400


def test_what_was_generated_stays(folder: Path) -> None:
    before = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    generate(folder, os.getuid())
    assert {path: path.read_text() for path in folder.rglob("*") if path.is_file()} == before
    assert len(before) == 4


def test_a_user_that_a_newer_version_has_is_added_to_what_was_generated(folder: Path) -> None:
    before = {path: path.read_text() for path in folder.rglob("environment") if path.parent.name != "ops"}
    passwords = folder / "clickhouse/passwords.xml"
    passwords.chmod(0o644)
    older = "".join(line for line in passwords.read_text().splitlines(keepends=True) if "_ops_" not in line)
    passwords.write_text(older)
    (folder / "ops/environment").unlink()
    generate(folder, os.getuid())
    assert {path: path.read_text() for path in before} == before
    assert passwords.read_text().startswith(older.removesuffix("</clickhouse>\n"))
    password = value_of(folder / "ops/environment", "CLICKHOUSE_PASSWORD")
    assert hashlib.sha256(password.encode()).hexdigest() in passwords.read_text()


def test_an_interrupted_start_is_completed(tmp_path: Path) -> None:
    (tmp_path / "ingest").mkdir()
    (tmp_path / "ingest" / ".environment").write_text("half")
    generate(tmp_path, os.getuid())
    assert len(value_of(tmp_path / "ingest" / "environment", "CLICKHOUSE_PASSWORD")) == 64


def test_the_environment_of_the_container_beats_what_was_generated(folder: Path) -> None:
    given = {"BIRDHOUSE_SECRET": "given by a person"}
    assert value_of(folder / "api" / "environment", "BIRDHOUSE_SECRET", given) == "given by a person"
    assert len(value_of(folder / "api" / "environment", "BIRDHOUSE_SECRET", {"BIRDHOUSE_SECRET": ""})) == 64
    assert value_of(folder / "api" / "environment", "BIRDHOUSE_SECRET", {"BIRDHOUSE_SECRET_FILE": "/mine"}) == ""

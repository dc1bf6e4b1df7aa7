"""`birdhouse tokens` prints what gives access, and warns where it makes a secret."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.cli.invoke import SECRET, Invoke


def test_tokens_are_a_table_and_admin_alone_is_its_value(invoke: Invoke) -> None:
    table = invoke("tokens", BIRDHOUSE_SECRET=SECRET)
    admin = invoke("tokens", "admin", BIRDHOUSE_SECRET=SECRET)
    assert table.exit_code == admin.exit_code == 0
    name, scopes, value = table.stdout.splitlines()[1].split()
    assert (name, scopes, value) == ("admin", "everything", admin.stdout.strip())


def test_tokens_are_those_of_the_secret_in_a_file(invoke: Invoke, tmp_path: Path, data_folder: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    given = invoke("tokens", "admin", BIRDHOUSE_SECRET_FILE=str(tmp_path / "secret"))
    assert (given.exit_code, given.stderr) == (0, "")
    assert given.stdout == invoke("tokens", "admin", BIRDHOUSE_SECRET=SECRET, BIRDHOUSE_SECRET_FILE="").stdout
    both = invoke("tokens", BIRDHOUSE_SECRET=SECRET, BIRDHOUSE_SECRET_FILE=str(tmp_path / "secret"))
    assert (both.exit_code, both.stdout) == (1, "")
    assert "`BIRDHOUSE_SECRET`: is set, and so is `BIRDHOUSE_SECRET_FILE`" in both.stderr
    missing = invoke("tokens", BIRDHOUSE_SECRET_FILE=str(tmp_path / "nowhere"))
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "`BIRDHOUSE_SECRET_FILE`: the file cannot be read" in missing.stderr
    assert not data_folder.exists()


def test_tokens_of_a_fresh_secret_come_with_a_warning(invoke: Invoke, data_folder: Path) -> None:
    first = invoke("tokens", "admin")
    assert first.stderr.startswith("warning: a new secret is generated")
    assert str(data_folder / "secret") in first.stderr
    assert invoke("tokens", "admin").stderr == ""


def test_the_generated_secret_gives_the_same_tokens_each_time(invoke: Invoke) -> None:
    assert invoke("tokens").stdout == invoke("tokens").stdout


def test_an_unknown_token_is_refused(invoke: Invoke) -> None:
    result = invoke("tokens", "nobody", BIRDHOUSE_SECRET=SECRET)
    assert result.exit_code == 1
    assert "there is no token `nobody`\nhint: the tokens are admin" in result.stderr
    assert result.stdout == ""

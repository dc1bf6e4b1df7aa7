"""`birdhouse explain` without servers: rendering, exit codes, and the embedded folder as it is found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from deploy.explain.explanation import render_readings
from query_api.questions.explanation import Reading

Invoke = Callable[..., Result]
COMMAND = [sys.executable, "-c", "from deploy.cli import main; main()"]
SECRET = "between-us"

PIPE = """
NODE answer
SQL >
    %
    SELECT x, {{ tb_secret('salt') + '!' }} AS salted {{ max_threads(2) }}
    FROM things
    {% if defined(of) %} WHERE x IN {{ Array(of, 'Int32') }} {% end %}
    {% if x == 'bad' %} {{ error('x cannot be bad') }} {% end %}
    {% if x == 'odd' %} {{ custom_error({'code': 7, 'error': 'odd'}, 418) }} {% end %}

TYPE endpoint
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "things.datasource").write_text(
        "SCHEMA >\n    `x` Int32 `json:$.x`,\n    `owner` String `json:$.owner`\n\n"
        "ENGINE MergeTree\nENGINE_SORTING_KEY x\n"
    )
    (folder / "answer_things.pipe").write_text(PIPE)
    (folder / "owned.pipe").write_text(
        "NODE n\nSQL >\n    %\n    SELECT count() FROM things WHERE owner = {{ String(of) }}\n\nTYPE endpoint\n"
    )
    (folder / "no_endpoint.pipe").write_text("NODE n\nSQL >\n    SELECT 1\n")
    return folder


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch, project: Path, data_folder: Path) -> Invoke:
    def run(*arguments: str) -> Result:
        monkeypatch.delenv("CLICKHOUSE_URL", raising=False)
        monkeypatch.setenv("PROJECT_DIR", str(project))
        monkeypatch.setenv("BIRDHOUSE_DATA", str(data_folder))
        monkeypatch.setenv("BIRDHOUSE_SECRET_salt", SECRET)
        return CliRunner().invoke(main, ["explain", *arguments])

    return run


def test_json_holds_the_query_and_asks_no_server(explain: Invoke, data_folder: Path) -> None:
    result = explain("answer_things", "of=1", "of=2", "ignored=7", "--format", "json")
    assert result.exit_code == 0, result.stderr
    shown = json.loads(result.stdout)
    assert set(shown) == {"sql", "parameters", "settings", "cache_seconds"}
    assert "x IN {p2:Array(Int32)}" in shown["sql"]
    assert shown["parameters"] == {"p1": "***", "p2": "[1,2]"}
    assert shown["settings"] == {"max_threads": "2"}
    assert not data_folder.exists()


def test_it_is_said_how_long_the_answer_is_kept(explain: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(explain("answer_things", "--format=json").stdout)["cache_seconds"] == 0
    assert "-- cache" not in explain("answer_things").stdout
    monkeypatch.setenv("BIRDHOUSE_API_CACHE_SECONDS", "7")
    assert json.loads(explain("answer_things", "--format=json").stdout)["cache_seconds"] == 7
    assert "-- cache\nthe answer is kept for 7 s" in explain("answer_things").stdout


def test_a_setting_parameter_is_a_setting(explain: Invoke) -> None:
    result = explain("answer_things", "output_format_json_quote_64bit_integers=1", "--format=json")
    assert json.loads(result.stdout)["settings"]["output_format_json_quote_64bit_integers"] == "1"


@pytest.mark.parametrize(
    ("parameter", "told"),
    [
        ("of=1,b", "error: Template Syntax Error: Error validating"),
        ("x=bad", "error: x cannot be bad\n"),
        ("x=odd", 'error: {"code": 7, "error": "odd"}\n'),
        ("output_format_json_quote_denormals=maybe", "error: the parameter `output_format_json_quote_denormals`"),
        ("novalue", "error: `novalue` is no parameter\nhint: write it as NAME=VALUE"),
    ],
)
def test_refused_parameters_are_told_as_the_api_does(explain: Invoke, parameter: str, told: str) -> None:
    result = explain("answer_things", parameter, "--format", "json")
    assert result.exit_code == 1
    assert result.stderr.startswith(told)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("pipe", "hint"),
    [
        ("answer_thing", "hint: did you mean `answer_things`?"),
        ("xyz", "hint: the endpoints are answer_things, owned"),
        ("no_endpoint", "hint: give one of its nodes the line `TYPE endpoint`"),
    ],
)
def test_an_unknown_pipe_is_code_2_with_a_hint(explain: Invoke, pipe: str, hint: str) -> None:
    result = explain(pipe)
    assert result.exit_code == 2
    assert f"`{pipe}`" in result.stderr
    assert hint in result.stderr


def test_a_folder_without_a_deploy_is_said_after_the_query(explain: Invoke, data_folder: Path) -> None:
    result = explain("answer_things")
    assert result.exit_code == 1
    assert "-- sql\nSELECT x, {p1:String} AS salted" in result.stdout
    assert "-- parameters\np1 = '***'" in result.stdout
    assert "-- settings\nmax_threads = 2" in result.stdout
    assert "nothing is deployed in" in result.stderr
    assert SECRET not in result.output
    assert not data_folder.exists()


def test_the_estimate_names_rows_parts_and_marks() -> None:
    row: dict[str, str | int] = {"database": "d", "table": "things", "parts": "2", "rows": 81920, "marks": 10}
    assert render_readings([Reading.of(row)]).splitlines()[1] == "things: 81,920 rows in 2 parts, 10 marks"


INSERT = """
import sys
from pathlib import Path
from deploy.embedded.engine import EmbeddedEngine
with EmbeddedEngine(Path(sys.argv[1])) as engine:
    client = engine.client()
    client.command("INSERT INTO birdhouse.things (x, owner) SELECT number, intDiv(number, 500) FROM numbers(100000)")
    client.close()
    if sys.argv[2:]:
        print("ready", flush=True)
        sys.stdin.read()
"""


def test_the_embedded_folder_is_asked_unless_it_is_in_use(explain: Invoke, project: Path, data_folder: Path) -> None:
    # Processes of their own: one process has one engine, on one folder.
    explain("answer_things")  # sets the environment that the commands inherit

    def birdhouse(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)

    assert birdhouse("deploy").returncode == 0
    insert = [sys.executable, "-c", INSERT, str(data_folder)]
    with subprocess.Popen([*insert, "stay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        refused = birdhouse("explain", "answer_things", "of=77")
        owner.communicate()
    assert refused.returncode == 1
    assert f"is in use by process {owner.pid}" in refused.stderr
    assert "hint: `--format json` needs no engine" in refused.stderr
    owned = birdhouse("explain", "owned", "of=7")
    line = next(line for line in owned.stdout.splitlines() if " of them pass " in line)
    assert line == "things: 100,000 rows read, 500 of them pass `owner = {p1: String}`; these lie in 1 of 12 granules"
    assert "with an index 8,192 rows would be read" in owned.stdout
    assert owned.stdout.endswith("below `INDEXES >`:\n    by_owner owner TYPE text(tokenizer = array)\n")
    narrow, wide = birdhouse("explain", "answer_things", "of=77"), birdhouse("explain", "answer_things")
    assert narrow.returncode == wide.returncode == 0, narrow.stderr
    assert "things: 8,192 rows in 1 part, 1 mark\n" in narrow.stdout
    assert "things: 100,000 rows in 1 part," in wide.stdout

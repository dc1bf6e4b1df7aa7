"""The log's two forms, and what neither of them may show."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import logs

logger = logging.getLogger("ingest_worker.storing.sink")


@pytest.fixture(autouse=True)
def restored_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logs, "_hidden", ())
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(
    message: str,
    fields: dict[str, object] | None = None,
    *,
    log_format: Literal["auto", "text", "json"] = "json",
    secrets: tuple[str, ...] = (),
    stream: io.StringIO | None = None,
) -> str:
    stream = stream or io.StringIO()
    logs.configure(log_format, "info", secrets=secrets, stream=stream)
    logger.info(message, extra={"fields": fields or {}})
    return stream.getvalue()


def test_text_has_the_fields_after_the_message() -> None:
    line = written("inserted", {"rows": 10, "topic": "events", "reason": "a b", "empty": ""}, log_format="text")
    assert line.endswith('info ingest_worker.storing.sink: inserted rows=10 topic=events reason="a b" empty=""\n')


def test_json_has_the_fields_as_keys() -> None:
    entry = json.loads(written("inserted", {"rows": 10, "partitions": [0, 1], "lag": float("inf"), "path": io}))
    assert entry["rows"] == 10
    assert entry["partitions"] == [0, 1]
    assert entry["lag"] == "inf"
    assert entry["message"] == "inserted"
    assert entry["level"] == "info"
    assert entry["logger"] == "ingest_worker.storing.sink"
    assert entry["time"].endswith("+00:00")


def test_a_field_cannot_replace_what_every_line_has() -> None:
    assert json.loads(written("inserted", {"level": "error"}))["level"] == "info"


def test_auto_is_text_on_a_terminal_and_json_elsewhere() -> None:
    assert written("inserted", log_format="auto", stream=Terminal()).endswith("inserted\n")
    assert json.loads(written("inserted", log_format="auto"))["message"] == "inserted"


def test_less_severe_lines_are_left_out() -> None:
    stream = io.StringIO()
    logs.configure("json", "warning", secrets=(), stream=stream)
    logger.info("inserted")
    assert stream.getvalue() == ""


def test_a_traceback_is_a_field_in_json_and_follows_the_line_in_text() -> None:
    for log_format in ("json", "text"):
        stream = io.StringIO()
        logs.configure(log_format, "info", secrets=("hunter2hunter2",), stream=stream)
        try:
            raise ValueError("bad password hunter2hunter2")
        except ValueError:
            logger.exception("failed")
        text = stream.getvalue()
        assert "hunter2" not in text
        if log_format == "json":
            assert json.loads(text)["traceback"].endswith("ValueError: bad password ***")
        else:
            assert text.splitlines()[0].endswith("failed")
            assert text.splitlines()[-1] == "ValueError: bad password ***"


@pytest.mark.parametrize("log_format", ["text", "json"])
@given(secret=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=8).filter(lambda text: text.strip("* ")))
def test_no_secret_is_ever_written(log_format: Literal["text", "json"], secret: str) -> None:
    text = written(
        f"cannot log in with {secret}",
        {"url": f"/x?y={secret}", "nested": {"values": [secret]}, "text": secret},
        log_format=log_format,
        secrets=(secret,),
    )
    decoded = text if log_format == "text" else str(json.loads(text))
    assert f"log in with {secret}" not in decoded
    assert f"y={secret}" not in decoded


def test_a_short_secret_hides_itself_but_not_longer_words() -> None:
    line = written("ingest_worker logged in as `ingest`", log_format="text", secrets=("ingest",))
    assert line.endswith("ingest_worker logged in as `***`\n")


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("GET /v0/pipes/a.json?token=abc.def-g&limit=1", "GET /v0/pipes/a.json?token=***&limit=1"),
        ("GET /v0/events?name=events&token=abc", "GET /v0/events?name=events&token=***"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("Authorization: Basic cmVhZGVyOg==", "Authorization: Basic ***"),
        ("http://reader:hunter2@clickhouse:8123/", "http://***@clickhouse:8123/"),
        ("the token p.0123456789abcdef0123 is", "the token *** is"),
    ],
)
def test_what_gives_access_is_hidden_whatever_its_value(given_text: str, expected: str) -> None:
    assert logs.redact(given_text) == expected


def test_a_value_cannot_write_a_line_of_its_own() -> None:
    text = written("unknown name\nerror: forged", {"name": "a\r\nb\u2028c"}, log_format="text")
    assert text.count("\n") == 1
    assert "\r" not in text
    assert "\u2028" not in text
    assert len(written("unknown name\nerror: forged").splitlines()) == 1


def test_warnings_of_python_are_logged(recwarn: pytest.WarningsRecorder) -> None:
    stream = io.StringIO()
    logs.configure("json", "info", secrets=(), stream=stream)
    assert logging.getLogger("py.warnings").isEnabledFor(logging.WARNING)
    logging.getLogger("py.warnings").warning("old name")
    assert json.loads(stream.getvalue())["logger"] == "py.warnings"

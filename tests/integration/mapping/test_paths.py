"""JSONPaths find what they say, and what a row is beside its columns."""

from __future__ import annotations

from tests.integration.mapping.files import SHAPE_COLUMNS, SHAPED
from tests.integration.mapping.messages import DEFAULTS, REFUSED, STORED, shape_of
from tests.schemas.mapping.mapped import MILLISECONDS, PARTITION, TOPIC, Mapped

FILES = SHAPED


def test_paths_find_what_they_say(mapped: Mapped) -> None:
    messages = [shape_of(text) for text, _ in STORED]
    offsets = mapped.insert("shapes", messages)
    assert mapped.reasons("shapes", offsets) == {}
    rows = mapped.rows("shapes", [*DEFAULTS, "whole"], offsets)
    for offset, message, (text, expected) in zip(offsets, messages, STORED, strict=True):
        assert rows[offset] == DEFAULTS | expected | {"whole": message.decode()}, text


def test_what_does_not_fit_a_path_is_quoted_in_the_reason(mapped: Mapped) -> None:
    offsets = mapped.insert("shapes", [shape_of(text) for text, _ in REFUSED])
    assert mapped.rows("shapes", [], offsets) == {}
    reasons = mapped.reasons("shapes", offsets)
    for offset, (text, expected) in zip(offsets, REFUSED, strict=True):
        assert list(reasons[offset]) == list(expected), text
        for column, value in expected.items():
            assert reasons[offset][column].startswith(f"Strict type checking failed. Value {value} of column"), text


def test_a_json_column_keeps_the_whole_document(mapped: Mapped) -> None:
    offsets = mapped.insert("shapes", [b'{"name":"n","count":1,"extra":{"deep":["x"]}}'])
    sql = f"SELECT document.extra.deep, JSONAllPaths(document) FROM {{table}} WHERE __offset = {offsets[0]}"
    ((deep, paths),) = mapped.query(sql, "shapes")
    assert (deep, sorted(paths)) == (["x"], ["count", "extra.deep", "name"])


def test_select_star_shows_the_documented_columns_alone(mapped: Mapped) -> None:
    result = mapped.client.query(f"SELECT * FROM `{mapped.database}`.shapes LIMIT 0")
    assert list(result.column_names) == SHAPE_COLUMNS


def test_provenance_is_stored_out_of_sight(mapped: Mapped) -> None:
    offsets = mapped.insert("shapes", [shape_of("{}"), b"broken"])
    provenance = "SELECT __topic, __partition, __offset, toUnixTimestamp64Milli(__timestamp)"
    for table, offset in (("shapes", offsets[0]), ("shapes_quarantine", offsets[1])):
        rows = mapped.query(f"{provenance} FROM {{table}} WHERE __offset = {offset}", table)
        assert rows == [(TOPIC, PARTITION, offset, MILLISECONDS)]


def test_quarantine_has_the_layout_of_tinybird(mapped: Mapped) -> None:
    result = mapped.client.query(f"SELECT * FROM `{mapped.database}`.shapes_quarantine LIMIT 0")
    assert list(result.column_names) == [
        *("c__error_column", "c__error", "c__import_id"),
        *SHAPE_COLUMNS,
        "insertion_date",
    ]
    offsets = mapped.insert("shapes", [b'{"name":"n","count":"3","nested":{"count":5}}'])
    columns = "c__error_column, c__import_id, name, count, nested_text, nested_count, tags, insertion_date > now() - 60"
    rows = mapped.query(f"SELECT {columns} FROM {{table}} WHERE __offset = {offsets[0]}", "shapes_quarantine")
    assert rows == [(["count"], None, "n", "3", '{"count":5}', "5", None, 1)]

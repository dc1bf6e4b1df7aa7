"""Data sources of tests of the mapping: a column of every type, and one of every kind of path."""

from __future__ import annotations

import json

from tests.schemas.mapping.samples.all import SAMPLES


def columns_of(kind: str) -> list[str]:
    """A column of each type, `c0` and so on; `kind` is what the file says about missing values."""
    lines = []
    for number, sample in enumerate(SAMPLES):
        if kind == "nullable" and (sample.is_container or sample.type.startswith("LowCardinality")):
            continue
        written = f"Nullable({sample.type})" if kind == "nullable" else sample.type
        default = f" DEFAULT {sample.default[0]}" if kind == "defaulted" else ""
        lines.append(f"    `c{number}` {written} `json:$.c{number}`{default}")
    return lines


def file_of(lines: list[str]) -> str:
    return "SCHEMA >\n" + ",\n".join(lines) + "\n"


GOOD = {f"c{number}": next(iter(sample.takes)) for number, sample in enumerate(SAMPLES)}


def message_of(values: dict[str, str]) -> bytes:
    """A JSON object from JSON texts, as they are."""
    return ("{" + ",".join(f"{json.dumps(key)}:{text}" for key, text in values.items()) + "}").encode()


SHAPES = [
    "    `name` String `json:$.name`",
    "    `count` Int32 `json:$.count`",
    "    `tags` Array(String) `json:$.tags[:]` DEFAULT ['none']",
    "    `item_ids` Array(String) `json:$.items[:].id` DEFAULT []",
    "    `item_counts` Array(Nullable(Int32)) `json:$.items[:].n.count` DEFAULT []",
    "    `nested_text` Nullable(String) `json:$.nested`",
    "    `nested_count` Nullable(Int64) `json:$.nested.count`",
    "    `nested_deep` Nullable(String) `json:$.nested.a.b`",
    "    `dashed` Nullable(String) `json:$.['a-b']`",
    "    `numbered` Nullable(Int32) `json:$.nested.7`",
    "    `label` LowCardinality(Nullable(String)) `json:$.label`",
    "    `whole` String `json:$`",
    "    `document` JSON `json:$`",
    "    `part` JSON `json:$.part` DEFAULT '{}'",
    "    `loud` String DEFAULT concat(name, '!')",
    "    `at` Nullable(DateTime) `json:$.at` DEFAULT '2020-01-02 03:04:05'",
]

SHAPE_COLUMNS = [line.split("`")[1] for line in SHAPES]

REQUIRED = {
    "datasources/required.datasource": file_of(columns_of("required")),
}
NULLABLE = {
    "datasources/nullable.datasource": file_of(columns_of("nullable")),
}
DEFAULTED = {
    "datasources/defaulted.datasource": file_of(columns_of("defaulted")),
}
SHAPED = {
    "datasources/shapes.datasource": file_of(SHAPES) + '\nENGINE "MergeTree"\nENGINE_SORTING_KEY "name"\n',
}
LENIENT = {
    "datasources/lenient.datasource": file_of(
        ["    `a` Nullable(String) `json:$.a`", "    `b` Int8 `json:$.b` DEFAULT 1"]
    ),
}
RAW = {
    "datasources/raw.datasource": file_of(["    `whole` String `json:$`"]),
}
BROKERS = {
    "connections/brokers.connection": "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS localhost:9092\n",
}

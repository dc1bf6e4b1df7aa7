"""Messages that tests of the mapping put in: into which columns they go, or why they do not."""

from __future__ import annotations

import json

DEFAULTS = {
    "name": "n",
    "count": "1",
    "tags": "['none']",
    "item_ids": "[]",
    "item_counts": "[]",
    "nested_text": None,
    "nested_count": None,
    "nested_deep": None,
    "dashed": None,
    "numbered": None,
    "label": None,
    "loud": "n!",
    "at": "2020-01-02 03:04:05",
    "part": "{}",
}

STORED: list[tuple[str, dict[str, str | None]]] = [
    ("{}", {}),
    ('{"tags":["a","b"]}', {"tags": "['a','b']"}),
    ('{"tags":[]}', {"tags": "[]"}),
    ('{"tags":null}', {}),
    ('{"items":[{"id":"p","n":{"count":1}},{"id":2}]}', {"item_ids": "['p','2']", "item_counts": "[1,NULL]"}),
    ('{"items":[]}', {}),
    ('{"items":null}', {}),
    (
        '{"nested":{"count":5,"a":{"b":"deep"},"7":8}}',
        {
            "nested_text": '{"count":5,"a":{"b":"deep"},"7":8}',
            "nested_count": "5",
            "nested_deep": "deep",
            "numbered": "8",
        },
    ),
    # A parent that is no object has no keys: it is not filled by position, and not read again as JSON.
    ('{"nested":[1,2]}', {"nested_text": "[1,2]"}),
    ('{"nested":[{"count":1}]}', {"nested_text": '[{"count":1}]'}),
    ('{"nested":"{\\"count\\":1}"}', {"nested_text": '{"count":1}'}),
    ('{"nested":7}', {"nested_text": "7"}),
    ('{"nested":{"a":["x"]}}', {"nested_text": '{"a":["x"]}'}),
    ('{"nested":{"a":{"b":[1]}}}', {"nested_text": '{"a":{"b":[1]}}', "nested_deep": "[1]"}),
    ('{"a-b":"dash","a":{"b":1}}', {"dashed": "dash"}),
    ('{"label":"l"}', {"label": "l"}),
    # NULL is a value of a Nullable column, so that its DEFAULT stands in for a missing key alone.
    ('{"at":null}', {"at": None}),
    ('{"at":"2025-05-12T07:04:14Z"}', {"at": "2025-05-12 07:04:14"}),
    # Unknown keys, also those called like our own columns, are no columns.
    ('{"unknown":1,"__offset":99,"__in_offset":99,"__is_right":0,"__parsed_count":5,"loud":"no"}', {}),
    ('{"name":"x\'); DROP TABLE t; --"}', {"name": "x'); DROP TABLE t; --", "loud": "x'); DROP TABLE t; --!"}),
    ('{"part":{"a":{"b":[1]}}}', {"part": '{"a":{"b":[1]}}'}),
    ('{"part":null}', {}),
]

REFUSED: list[tuple[str, dict[str, str]]] = [
    ('{"tags":"[1]"}', {"tags": '"[1]"'}),
    ('{"tags":{"0":"a"}}', {"tags": '{"0":"a"}'}),
    ('{"tags":[null]}', {"tags": "[null]"}),
    ('{"items":[{"id":"p"},{}]}', {"item_ids": '[{"id":"p"},{}]'}),
    ('{"items":["p"]}', {"item_ids": '["p"]'}),
    ('{"items":{"id":"p"}}', {"item_ids": '{"id":"p"}', "item_counts": '{"id":"p"}'}),
    ('{"items":[{"id":"p","n":{"count":"1"}}]}', {"item_counts": '[{"id":"p","n":{"count":"1"}}]'}),
    ('{"nested":{"count":[1]}}', {"nested_count": "[1]"}),
    ('{"nested":{"count":9223372036854775808}}', {"nested_count": "9223372036854775808"}),
    ('{"part":[1]}', {"part": "[1]"}),
    ('{"part":"{}"}', {"part": '"{}"'}),
    ('{"count":"3","at":"yesterday"}', {"count": '"3"', "at": '"yesterday"'}),
]


def shape_of(text: str) -> bytes:
    """The message with a name and a count, unless it has its own."""
    own = json.loads(text)
    parts = [f'"{key}":{value}' for key, value in (("name", '"n"'), ("count", "1")) if key not in own]
    return ("{" + ",".join([*parts, *filter(None, [text[1:-1]])]) + "}").encode()


WHOLE: list[tuple[str, bytes, str]] = [
    ("empty, as a tombstone", b"", "the message is empty"),
    ("blank", b" \n\t", "the message is not valid JSON"),
    ("no JSON", b"hello", "the message is not valid JSON"),
    ("cut off", b'{"name":"n","count":1', "the message is not valid JSON"),
    ("trailing comma", b'{"name":"n","count":1,}', "the message is not valid JSON"),
    ("NaN", b'{"name":"n","count":NaN}', "the message is not valid JSON"),
    ("single quotes", b"{'name':'n','count':1}", "the message is not valid JSON"),
    ("an array", b'[{"name":"n","count":1}]', "the message is a JSON array, not an object"),
    ("a string", b'"{}"', "the message is a JSON string, not an object"),
    ("a number", b"5", "the message is a JSON int64, not an object"),
    ("null", b"null", "the message is a JSON null, not an object"),
    ("true", b"true", "the message is a JSON bool, not an object"),
    ("invalid UTF-8", b'{"name":"\xff","count":1}', "the message is not valid UTF-8"),
    ("a lone surrogate", b'{"name":"\\ud83d","count":1}', "the message is not valid JSON"),
    ("a lone low surrogate", b'{"name":"\\udc00","count":1}', "the message is not valid JSON"),
    (
        "2,000 levels deep",
        b'{"name":"n","count":1,"deep":' + b"[" * 2000 + b"]" * 2000 + b"}",
        "the message is not valid JSON, or nests deeper than 1,022 levels",
    ),
    ("two objects", b'{"name":"n","count":1} {"name":"second","count":2}', "the message is not valid JSON"),
    ("two lines", b'{"name":"n","count":1}\n{"name":"second","count":2}', "the message is not valid JSON"),
    ("a value behind it", b'{"name":"n","count":1},5', "the message is not valid JSON"),
    ("a second row in TSV", b'{"name":"n","count":1}\tx\n\\N', "the message is not valid JSON"),
    ("NUL behind it", b'{"name":"n","count":1}\0', "the message is not valid JSON"),
]

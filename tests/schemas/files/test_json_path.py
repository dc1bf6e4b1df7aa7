"""JSONPath texts to paths."""

from __future__ import annotations

import pytest

from schemas.files.json_path import has_index, parse_json_path


@pytest.mark.parametrize(
    ("text", "keys", "element"),
    [
        ("$", (), None),
        ("$.a", ("a",), None),
        ("$.a.b-c.@d", ("a", "b-c", "@d"), None),
        ("$.a[:]", ("a",), ()),
        ("$.a[:].b.c", ("a",), ("b", "c")),
        ("$[:].a", (), ("a",)),
        ("$.['a-b'].c", ("a-b", "c"), None),
        ("$.a b.c", ("a b", "c"), None),
        ("$['a b']", ("a b",), None),
        ('$.a["b.c"]', ("a", "b.c"), None),
        ("$.a.[0]", ("a", "0"), None),
        (" $.a ", ("a",), None),
        ("#.__value", (), None),
    ],
)
def test_forms_of_a_path(text: str, keys: tuple[str, ...], element: tuple[str, ...] | None) -> None:
    path = parse_json_path(text)
    assert (path.text, path.keys, path.element) == (text.strip(), keys, element)
    assert has_index(path) == ("[0]" in text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "$a",
        "$.",
        "$..a",
        "$.a.",
        "$.*",
        "$.a[*]",
        "$.a[?(@.b)]",
        "$.a[:][:]",
        "$.['a",
        "$.length()",
        "#.__key",
    ],
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="JSONPath"):
        parse_json_path(text)

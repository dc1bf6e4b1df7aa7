"""Parameters from URL, form and JSON body."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.errors import BadRequest, TooLarge, UnsupportedEncoding
from query_api.web.read_parameters import MAX_MEMBERS, RequestParameters, body_items, read_parameters

FORM = "application/x-www-form-urlencoded"


def test_repeated_keys_are_lists_and_empty_text_is_a_value() -> None:
    items = [("a", "1"), ("b", ""), ("a", "2"), ("a", "3")]
    assert read_parameters(items).values == {"a": ["1", "2", "3"], "b": ""}


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "cli_version",
        "__tb__semver",
        "__tb__deployment",
        "tag",
        "pipeline",
        "debug",
        "query_id",
        "explain",
        "q",
    ],
)
def test_what_tools_send_is_neither_a_value_nor_an_error(name: str) -> None:
    assert read_parameters([(name, "x"), ("a", "1")]) == RequestParameters({"a": "1"})


def test_setting_parameters_become_clickhouse_settings() -> None:
    parameters = read_parameters([("output_format_json_quote_64bit_integers", "1"), ("__tb__csv_header", "0")])
    assert parameters.values == {}
    assert parameters.settings == {"output_format_json_quote_64bit_integers": "1"}
    assert not parameters.has_csv_header


def test_a_setting_that_is_no_switch_is_refused_by_name() -> None:
    with pytest.raises(BadRequest, match="`output_format_json_quote_denormals` cannot be `max_threads=9`"):
        read_parameters([("output_format_json_quote_denormals", "max_threads=9")])


def test_too_many_parameters_and_half_characters_are_refused() -> None:
    with pytest.raises(BadRequest, match="more than 1000"):
        read_parameters([(f"a{number}", "1") for number in range(1001)])
    with pytest.raises(BadRequest, match="`a` holds half of a surrogate pair"):
        read_parameters([("a", "\ud83d")])


def test_a_json_body_keeps_numbers_as_they_were_sent() -> None:
    body = b'{"big": 18446744073709551615, "exact": 0.10, "flag": true, "none": null, "list": [1, "b", null, false]}'
    assert body_items("application/json", body) == [
        ("big", "18446744073709551615"),
        ("exact", "0.10"),
        ("flag", "true"),
        ("list", ["1", "b", None, "false"]),
    ]


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("[]", []),
        ('["Doe, John"]', ["Doe, John"]),
        ('["Doe, John", "it\'s \\"x\\""]', ["Doe, John", 'it\'s "x"']),
        ('[""]', [""]),
        ("[null]", [None]),
        ("[[1, 2], [3]]", [["1", "2"], ["3"]]),
    ],
)
def test_a_list_of_a_json_body_keeps_its_shape(text: str, members: list[object]) -> None:
    assert read_parameters(body_items("application/json", f'{{"x": {text}}}'.encode())).values == {"x": members}


def test_a_list_may_be_as_long_as_one_value_of_clickhouse() -> None:
    assert len(read_parameters([("a", [""] * MAX_MEMBERS)]).values["a"]) == MAX_MEMBERS
    assert len(read_parameters(body_items(FORM, b"a=1&" * 1_001)).values["a"]) == 1_001
    with pytest.raises(TooLarge, match="the list `a` has more than the 65536 members"):
        read_parameters([("a", [""] * MAX_MEMBERS), ("a", "1")])


@pytest.mark.parametrize("name", ["__tb__csv_header", "output_format_json_quote_denormals"])
def test_a_setting_that_is_a_list_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadRequest, match=f"the parameter `{name}` takes one value, not a list"):
        read_parameters([(name, ["1"])])


def test_an_object_in_a_json_body_stays_json_text() -> None:
    items = dict(body_items("application/json", b'{"o": {"k": [2.5, 18446744073709551615, true, null]}}'))
    assert items["o"] == '{"k": [2.5, 18446744073709551615, true, null]}'


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"a"', b"\xff{}", b"[" * 5000, b'{"a":' + b"[" * 5000])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="the body"):
        body_items("application/json", body)


def test_forms_are_read_also_when_curl_calls_json_a_form() -> None:
    form = "application/x-www-form-urlencoded"
    assert body_items(form, b"a=1&a=2&b=&c=%C3%A9+x") == [("a", "1"), ("a", "2"), ("b", ""), ("c", "é x")]
    assert body_items(form, b'{"a": "1"}') == [("a", "1")]
    assert body_items(form, b"") == []
    with pytest.raises(BadRequest, match="no form in UTF-8"):
        body_items(form, b"a=%FF")
    with pytest.raises(UnsupportedEncoding):
        body_items("multipart/form-data", b"--x")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_any_text_comes_through_a_json_body(values: dict[str, str]) -> None:
    assert dict(body_items("application/json", json.dumps(values).encode())) == values

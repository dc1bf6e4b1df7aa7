"""A message is one JSON object, or it comes into quarantine as a whole."""

from __future__ import annotations

import pytest

from tests.integration.mapping.files import DEFAULTED, LENIENT, RAW, SHAPED, message_of
from tests.integration.mapping.messages import WHOLE
from tests.schemas.mapping.mapped import Mapped

FILES = {
    **SHAPED,
    **LENIENT,
    **RAW,
    **DEFAULTED,
}


@pytest.mark.parametrize("name", ["shapes", "lenient", "raw", "defaulted"])
def test_what_is_no_object_is_quarantined_whole_and_its_neighbours_are_stored(mapped: Mapped, name: str) -> None:
    good = b'{"name":"good","count":1}'
    messages = [message for _, bad, _ in WHOLE for message in (bad, good)]
    offsets = mapped.insert(name, messages)
    assert list(mapped.rows(name, [], offsets)) == list(offsets[1::2])
    reasons = mapped.reasons(name, offsets)
    for offset, (what, _, reason) in zip(offsets[::2], WHOLE, strict=True):
        assert list(reasons[offset]) == ["__value"], what
        assert reasons[offset]["__value"].startswith(reason), what
    raw = mapped.query(
        f"SELECT hex(__value) FROM {{table}} WHERE __offset >= {offsets[0]} ORDER BY __offset", f"{name}_quarantine"
    )
    assert [bytes.fromhex(str(text)) for (text,) in raw] == [bad for _, bad, _ in WHOLE]


@pytest.mark.parametrize("message", [b' \n {"name":"n","count":1} \r\n', b'{\n  "name": "n",\n  "count": 1\n}'])
def test_white_space_around_and_within_a_message_means_nothing(mapped: Mapped, message: bytes) -> None:
    offsets = mapped.insert("shapes", [message])
    assert mapped.rows("shapes", ["name"], offsets) == {offsets[0]: {"name": "n"}}


def test_a_message_may_nest_1022_levels(mapped: Mapped) -> None:
    deep, deeper = (b'{"deep":' + b"[" * levels + b"1" + b"]" * levels + b"}" for levels in (1022, 1023))
    offsets = mapped.insert("raw", [deep, deeper])
    assert mapped.rows("raw", ["whole"], offsets) == {offsets[0]: {"whole": deep.decode()}}


def test_a_message_of_ten_megabytes_is_a_message(mapped: Mapped) -> None:
    text = "x" * 10_000_000
    offsets = mapped.insert(
        "shapes", [message_of({"name": f'"{text}"', "count": "1"}), message_of({"name": f'"{text}"'})]
    )
    size = f"SELECT length(name) FROM {{table}} WHERE __offset = {offsets[0]}"
    assert mapped.query(size, "shapes") == [(len(text),)]
    assert list(mapped.reasons("shapes", offsets)) == [offsets[1]]


def test_the_first_of_two_equal_keys_wins_but_a_json_column_takes_no_such_object(mapped: Mapped) -> None:
    twice = b'{"name":"n","count":1,"a":"first","a":"second","b":3,"b":"x"}'
    offsets = mapped.insert("lenient", [twice])
    assert mapped.rows("lenient", ["a", "b"], offsets)[offsets[0]] == {"a": "first", "b": "3"}
    offsets = mapped.insert("shapes", [twice])
    assert list(mapped.reasons("shapes", offsets)[offsets[0]]) == ["document"]


def test_a_data_source_where_nothing_is_required_stores_an_empty_object(mapped: Mapped) -> None:
    offsets = mapped.insert("lenient", [b"{}", b'{"a":null,"b":null}', b'{"b":"1"}'])
    expected = {"a": None, "b": "1"}
    assert mapped.rows("lenient", ["a", "b"], offsets) == {offsets[0]: expected, offsets[1]: expected}
    assert list(mapped.reasons("lenient", offsets)) == [offsets[2]]

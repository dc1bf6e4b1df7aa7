"""SQL that takes texts out of a JSON message byte for byte, where ClickHouse's functions write them anew.

To these `1.10` is 1.1 and `{"a": 1}` is `{"a":1}`, and a message with `1e400` anywhere is no JSON. What is here costs
many times as much, so that it is for the rows alone of which a first look says that they need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from schemas.mapping.extraction import MESSAGE
from schemas.sql.text import call, literal

_MOST_BYTES = 1 << 20
"""Taking a message apart needs some 30 times its size; larger ones are left to ClickHouse's functions."""

_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKENS = rf"{_STRING}|[{{}}\[\],]|[^{{}}\[\],\"]+"
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_RESPELLED = r"(?:[{\[]|-?[0-9]+[.eE]|-0)"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SPELLED_KEY = r"\\u00[2-7][0-9A-Fa-f](?:[^\"\\]|\\.)*\"\s*:"
"""A key that is written with escapes for characters that need none."""

_KEY = rf"^[\s,]*({_STRING})"
_VALUE = rf"(?s)^[\s,]*{_STRING}\s*:\s*(.*?)\s*$"


def may_be_respelled(keys: Iterable[str]) -> str:
    """SQL: whether the text that ClickHouse gives for a value under one of the keys, at any depth, may not be the one
    that was sent: that of a fraction, an object or an array. An integer has but one text, or two where it is 0.

    Two looks at the whole message cost less than one at each column, above all in the analysis before each insert.
    """
    names = "|".join(sorted({key if _PLAIN_KEY.fullmatch(key) else '[^"]*' for key in keys}))
    if not names:
        return "0"
    any_key, one_key = rf":\s*{_RESPELLED}", rf'"(?:{names})"\s*:\s*{_RESPELLED}'
    is_any, is_one = (f"match({MESSAGE}, {literal(pattern)})" for pattern in (any_key, one_key))
    is_spelled = rf"(position({MESSAGE}, '\\u00') > 0 AND match({MESSAGE}, {literal(_SPELLED_KEY)}))"
    return f"({is_any} AND ({is_one} OR {is_spelled}))"


def may_be_out_of_range(message: str) -> str:
    """SQL: whether a message may be no JSON to ClickHouse only for a number that is too large for a Float64."""
    has_large = f"match({message}, '[0-9][eE][+]?[0-9]{{3}}|[0-9]{{200}}')"
    return f"({has_large} AND length({message}) <= {_MOST_BYTES} AND NOT isValidJSON({message}))"


def quote_out_of_range(message: str) -> str:
    """SQL: the message with each number that is too large for a Float64 in quotes, where it is no JSON without."""
    is_out = f"match(t, {literal(f'^{_NUMBER}$')}) AND isInfinite(toFloat64OrZero(t))"
    needed = f"if({may_be_out_of_range(message)}, {message}, '')"
    parts = call("extractAll", needed, literal(rf"(?s){_STRING}|[-0-9][-+.0-9eE]*|[^\"0-9-]+|."))
    mended = f"arrayStringConcat(arrayMap(t -> if({is_out}, concat('\"', t, '\"'), t), {parts}))"
    return f"if({may_be_out_of_range(message)}, {mended}, {message})"


def is_respelled(message: str, keys: tuple[str, ...]) -> str:
    """SQL: whether what lies at a path has a text of its own that ClickHouse's functions may write in another way."""
    return f"({call('JSONType', message, *map(literal, keys))} IN ('Int64', 'Double', 'Object', 'Array'))"


def quick_text(message: str, keys: tuple[str, ...]) -> str:
    """SQL: the text under the last key of a path as ClickHouse's simpler function finds it, which looks for the key at
    any depth and trips over brackets and backslashes in strings."""
    found = call("simpleJSONExtractRaw", message, literal(keys[-1])) if _PLAIN_KEY.fullmatch(keys[-1]) else "''"
    return rf"trim(BOTH ' \n\r\t' FROM {found})"


def is_quick_right(message: str, keys: tuple[str, ...]) -> str:
    """SQL: whether `quick_text` is right: its key is the only one, and it means what stands at the path."""
    if not _PLAIN_KEY.fullmatch(keys[-1]):
        return "0"
    is_once = f"countSubstrings({message}, {literal(chr(34) + keys[-1] + chr(34))}) = 1"
    means = f"JSONExtractRaw({quick_text(message, keys)}) = {call('JSONExtractRaw', message, *map(literal, keys))}"
    return f"({is_once} AND {means})"


def is_plainly_spelled(message: str) -> str:
    """SQL: whether a valid message's keys are found as they are written, and its numbers are in range."""
    is_spelled = rf"position({message}, '\\u00') > 0 AND match({message}, {literal(_SPELLED_KEY)})"
    return f"(NOT ({is_spelled}) AND isValidJSON({message}))"


def parts(text: str) -> str:
    """SQL: Array(String) of the members of a JSON object's text, each with its key and with the comma before it; none
    of anything else, and of what is too large."""
    is_object = rf"match({text}, '^\\s*{{') AND length({text}) <= {_MOST_BYTES}"
    inside = rf"if({is_object}, replaceRegexpAll({text}, '^\\s*{{|}}\\s*$', ''), '')"
    tokens = call("extractAll", inside, literal(_TOKENS))
    depths = f"arrayCumSum(t -> multiIf(t IN ('{{', '['), 1, t IN ('}}', ']'), -1, 0), {tokens})"
    return f"arrayMap(p -> arrayStringConcat(p), arraySplit((t, d) -> t = ',' AND d = 0, {tokens}, {depths}))"


def member(parts: str, key: str) -> str:
    """SQL: the value's text of the first member that is called `key`; empty for none."""
    is_it = f"JSONExtractString(extract(p, {literal(_KEY)})) = {literal(key)}"
    return f"extract(arrayFirst(p -> {is_it}, {parts}), {literal(_VALUE)})"

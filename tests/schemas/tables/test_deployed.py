"""A shape comes back from a table's comment, and nothing else does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from schemas.model import Column, Projection
from schemas.tables.deployed import from_comment, to_comment
from schemas.tables.source_shape import shape_of
from tests.schemas.tables.examples import EVENTS


def test_a_shape_comes_back_from_its_comment() -> None:
    odd = replace(EVENTS, columns=(*EVENTS.columns, Column("é'`\\", None, default="'x'")))
    odd = replace(odd, projections=(Projection("p", "*", "id"),))
    shape = shape_of(odd).table
    assert from_comment(to_comment(shape)) == shape


def test_equal_shapes_have_equal_comments_with_what_was_said_alone() -> None:
    comment = to_comment(shape_of(EVENTS).table)
    assert comment == to_comment(shape_of(replace(EVENTS)).table)
    assert json.loads(comment)["birdhouse"]["columns"] == [
        {"name": "id", "type": "String"},
        {"name": "size", "type": "Int32", "default": "0", "codec": "ZSTD(1)"},
    ]
    assert "projections" not in comment


FORMER = '{"birdhouse":{"columns":{"id":["String",null,null]},"keys":{"engine":"MergeTree()"},"ttl":"","settings":""}}'


@pytest.mark.parametrize(
    "comment", ["", "a table of ours", "{}", "[]", '{"birdhouse": 5}', '{"birdhouse": {"columns": 1}}', FORMER]
)
def test_a_comment_of_somebody_else_or_of_another_release_is_no_shape(comment: str) -> None:
    assert from_comment(comment) is None

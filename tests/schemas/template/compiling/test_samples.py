"""Texts in which every branch is to be seen."""

from __future__ import annotations

import pytest

from schemas.template.compiling.samples import MAX_SAMPLES, samples_of
from schemas.template.compiling.tags import split


def samples(source: str) -> list[str]:
    return [sample.text for sample in samples_of(split(source))]


def test_every_branch_is_in_a_sample() -> None:
    assert samples("a{% if x %}b{% elif y %}c{% else %}{% if z %}d{% else %}e{% end %}{% end %}f") == [
        "abf",
        "acf",
        "adf",
        "aef",
    ]


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("x", "{x:String}"),
        ("table('a b')", "`a b`"),
        ("table(x)", "{x:String}"),
        ("max_threads(2)", ""),
        ("error('a')", ""),
    ],
)
def test_a_tag_is_what_it_may_write(tag: str, written: str) -> None:
    assert samples("{{" + tag + "}}") == [written]


def test_an_offset_leads_back_to_the_template() -> None:
    (sample,) = samples_of(split("a {{x}} b"))
    assert [sample.origin(sample.text.index(mark)) for mark in "a{b"] == [0, 2, 8]


def test_their_number_has_an_end() -> None:
    branches = "{% elif x %}a" * (MAX_SAMPLES + 10)
    assert len(samples("{% if x %}a" + branches + "{% end %}")) == MAX_SAMPLES

"""What is known of a member: joined or not, and what the brokers refuse to it."""

from __future__ import annotations

from ingest_worker.pipeline.source.membership import Membership
from tests.ingest_worker.fakes import Clock


def test_nothing_is_refused_until_something_is() -> None:
    member = Membership(Clock())
    assert not member.has_joined
    assert member.refused_because() is None


def test_a_refusal_counts_until_the_group_is_joined() -> None:
    clock = Clock()
    member = Membership(clock)
    member.troubled("not authorized")
    clock.now += 3600
    assert member.refused_because() == "not authorized"
    member.joined()
    assert member.has_joined
    assert member.refused_because() is None


def test_a_refusal_that_is_not_said_again_is_over_after_a_minute() -> None:
    clock = Clock()
    member = Membership(clock)
    member.joined()
    member.troubled("not authorized")
    clock.now += 59
    assert member.refused_because() == "not authorized"
    clock.now += 1
    assert member.refused_because() is None


def test_refused_commits_are_a_reason_until_one_is_taken() -> None:
    member = Membership(Clock())
    member.joined()
    member.commit_refused("group authorization failed")
    assert member.refused_because() == "commits are refused: group authorization failed"
    member.committed()
    assert member.refused_because() is None

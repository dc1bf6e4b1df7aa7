"""What the document says of sending events."""

from __future__ import annotations

from query_api.access.auth import AccessToken, Scope
from query_api.events.event_operations import event_operations
from query_api.routes import Audience


def test_only_data_sources_that_the_token_may_send_to_are_named() -> None:
    audience = Audience(AccessToken("app", frozenset({Scope("APPEND", "clicks"), Scope("READ", "views")})))
    (operation,) = event_operations(["views", "clicks"], audience)
    names = next(each for each in operation.described["parameters"] if each["name"] == "name")
    assert names["schema"]["enum"] == ["clicks"]
    assert {"200", "202", "400", "503"} <= operation.described["responses"].keys()


def test_without_any_there_is_no_operation() -> None:
    assert not list(event_operations(["views"], Audience(AccessToken("app"))))
    assert not list(event_operations([], Audience(AccessToken("admin", is_admin=True))))

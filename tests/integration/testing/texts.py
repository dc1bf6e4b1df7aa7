"""Texts of project files: a pipe, an event of a fixture, a case."""

from __future__ import annotations


def endpoint(sql: str, kind: str = "endpoint") -> str:
    indented = "\n".join(f"    {line}" for line in sql.splitlines())
    return f"NODE n\nSQL >\n{indented}\nTYPE {kind}\n"


def event(number: int, kind: str = "a", at: str = "2001-01-01 00:00:00") -> str:
    return f'{{"id":{number},"what":{{"kind":"{kind}"}},"at":"{at}"}}\n'


def case(result: str | None, more: str = "", name: str = "c") -> str:
    head = f"- name: {name}\n" + "".join(f"  {line}\n" for line in more.splitlines())
    if result is None:
        return head
    return head + "  expected_result: |\n" + "".join(f"    {line}\n" for line in result.splitlines() or [""])

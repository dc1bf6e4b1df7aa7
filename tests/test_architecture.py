"""The map of the house is true: every room is on it with its purpose, every path in the docs exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGES = ("schemas", "service", "ingest_worker", "query_api", "deploy", "bench")
MOST_FILES = 14
MAP = CHECKOUT / "docs" / "architecture.md"
PAGES = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    (CHECKOUT / "docs").glob("*.md")
)
# A path of ours in backticks, perhaps with a function behind it.
_PATH = re.compile(r"`((?:schemas|service|ingest_worker|query_api|deploy|bench|tests|docs)/[\w./-]*)")


def rooms() -> list[Path]:
    return sorted({path.parent for package in PACKAGES for path in (CHECKOUT / package).rglob("__init__.py")})


def row_of(room: Path) -> str:
    """The room's line of the map, as its `__init__.py` has it."""
    purpose = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert purpose, f"{room}/__init__.py does not say what the room is for"
    return f"| `{room.relative_to(CHECKOUT)}/` | {purpose.splitlines()[0]} |"


def test_every_room_is_on_the_map_with_its_purpose() -> None:
    between = re.search(r"<!-- rooms -->\n(.*)<!-- /rooms -->", MAP.read_text(encoding="utf-8"), re.DOTALL)
    assert between is not None
    expected = "\n".join(["| room | what it is for |", "|---|---|", *map(row_of, rooms()), ""])
    assert between[1] == expected, f"the rooms should be:\n{expected}"


def test_arrows_between_packages_are_those_of_the_map() -> None:
    drawn = {
        (source, target)
        for source, targets in re.findall(r"^  (\w+) --> ([\w &]+)$", MAP.read_text(encoding="utf-8"), re.MULTILINE)
        for target in targets.split(" & ")
    }
    imported = {
        (package, target)
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*.py")
        for target in imported_by(path)
        if target in PACKAGES and target != package
    }
    assert drawn == imported


def imported_by(path: Path) -> set[str]:
    """The first part of every module that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
    return found


@pytest.mark.parametrize("folder", ["", "tests"])
def test_no_folder_holds_more_modules_than_a_glance_takes_in(folder: str) -> None:
    roots = [CHECKOUT / folder] if folder else [CHECKOUT / package for package in PACKAGES]
    counts = {
        str(found.relative_to(CHECKOUT)): len(list(found.glob("*.py")))
        for root in roots
        for found in (root, *(path for path in root.rglob("*") if path.is_dir() and path.name != "__pycache__"))
    }
    assert {name: count for name, count in counts.items() if count > MOST_FILES} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_that_the_docs_name_are_there(page: Path) -> None:
    named = set(_PATH.findall(page.read_text(encoding="utf-8")))
    missing = [path for path in sorted(named) if not (CHECKOUT / path.rstrip("/.")).exists()]
    assert missing == []

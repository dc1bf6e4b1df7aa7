"""JSONPaths as data sources write them: `$`, `$.a.b`, `$.a[:]`, `$.a[:].b`, `$.['a-b']`."""

from __future__ import annotations

import re

from schemas.model import JsonPath

_FORMS = "the forms are $, $.a, $.a.b, $.a[:], $.a[:].b and $.['a-b']"
# Another way to write `$`, which Kafka data sources have.
_RAW_VALUE = "#.__value"
_STEP = re.compile(
    r"""\.?\[:\]                                 # every member of an array
    |\.?\[(?:'([^']+)'|"([^"]+)"|([0-9]+))\]    # a key in brackets, an index
    |\.([^.\[\]*?()'"`\t\n]+)                   # a plain key
    """,
    re.VERBOSE,
)


def parse_json_path(text: str) -> JsonPath:
    """The path of a text. Raises ValueError, with a sentence for people, when it is none of the forms.

    An index (`$.a.[0]`) is taken as the key `0`, which no array has: see `has_index`.
    """
    text = text.strip()
    if text == _RAW_VALUE:
        return JsonPath(text, ())
    if not text.startswith("$"):
        raise ValueError(f"the JSONPath `{text[:80]}` does not start with `$`: {_FORMS}")
    keys: list[str] = []
    element: list[str] | None = None
    position = 1
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            raise ValueError(f"the JSONPath `{text[:80]}` is not understood from `{text[position:][:40]}` on: {_FORMS}")
        position = step.end()
        key = next((group for group in step.groups() if group is not None), None)
        if key is not None:
            (keys if element is None else element).append(key)
        elif element is not None:
            raise ValueError(f"the JSONPath `{text[:80]}` goes through two arrays: one `[:]` is possible")
        else:
            element = []
    return JsonPath(text, tuple(keys), None if element is None else tuple(element))


def has_index(path: JsonPath) -> bool:
    """Whether the path picks one member of an array, which is read but finds nothing."""
    return re.search(r"\[[0-9]+\]", path.text) is not None

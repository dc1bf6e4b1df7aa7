"""JSONPaths as data sources write them: `$`, `$.a.b`, `$.a[:]`, `$.a[:].b`, `$.['a-b']`."""

from __future__ import annotations

from schemas.model import JsonPath

_FORMS = "the forms are $, $.a, $.a.b, $.a[:], $.a[:].b and $.['a-b']"


def parse_json_path(text: str) -> JsonPath:
    """The path of a text. Raises ValueError, with a sentence for people, when it is none of the forms."""
    text = text.strip()
    if not text.startswith("$"):
        raise ValueError(f"the JSONPath `{text}` does not start with `$`: {_FORMS}")
    keys: list[str] = []
    element: list[str] | None = None
    position = 1
    while position < len(text):
        if text.startswith("[:]", position):
            if element is not None:
                raise ValueError(f"the JSONPath `{text}` goes through two arrays: one `[:]` is possible")
            element = []
            position += 3
            continue
        key, position = _key(text, position)
        (keys if element is None else element).append(key)
    return JsonPath(text, tuple(keys), None if element is None else tuple(element))


def _key(text: str, position: int) -> tuple[str, int]:
    """The key that starts at `position` (at its dot or bracket), and where it ends."""
    start = position + 1 if text[position] == "." else position
    if start < len(text) and text[start] == "[":
        quote = text[start + 1 : start + 2]
        end = text.find(f"{quote}]", start + 2) if quote in ("'", '"') and quote else -1
        if end < 0:
            raise ValueError(f"the JSONPath `{text}` has a bracket that is no ['key']: {_FORMS}")
        return text[start + 2 : end], end + 2
    end = start
    while end < len(text) and text[end] not in ".[":
        end += 1
    if end == start or text[position] != ".":
        raise ValueError(f"the JSONPath `{text}` has an empty or misplaced key: {_FORMS}")
    return text[start:end], end

"""What the consumer hands over, taken apart into runs: neighbouring messages of one partition as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

from confluent_kafka import Message

# `map` over these C functions reads a field in some 20 ns; over operator.methodcaller, or with a method call in a
# comprehension, it takes 120. Any: a message without an error has a topic, a partition and an offset.
_TOPIC: Callable[[Message], Any] = Message.topic
_PARTITION: Callable[[Message], Any] = Message.partition
_OFFSET: Callable[[Message], Any] = Message.offset
_ERROR, _TIMESTAMP, _VALUE = Message.error, Message.timestamp, Message.value
_KEY, _HEADERS = Message.key, Message.headers
_MILLISECONDS = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Run:
    """Messages of one partition in the order of their offsets. Keys and headers are empty where nobody wants them."""

    topic: str
    partition: int
    values: Sequence[bytes]
    offsets: Sequence[int]
    timestamps: Sequence[int]
    keys: Sequence[bytes] = ()
    headers: Sequence[dict[str, bytes]] = ()
    payload_bytes: int = 0

    @property
    def rows(self) -> int:
        return len(self.values)

    def split(self, rows: int, payload_bytes: int) -> tuple[Run | None, Run | None]:
        """The longest beginning within both bounds, and the rest; each None when it would be empty."""
        if self.rows <= rows and self.payload_bytes <= payload_bytes:
            return self, None
        sizes = accumulate(map(_size, self.values, self.keys)) if self.keys else accumulate(map(len, self.values))
        fitting = next((index for index, size in enumerate(sizes) if size > payload_bytes), self.rows)
        return self.cut(max(0, min(fitting, rows)))

    def cut(self, rows: int) -> tuple[Run | None, Run | None]:
        """The first `rows` messages, and the rest; each None when it would be empty."""
        if rows >= self.rows:
            return self, None
        return self._part(0, rows), self._part(rows, self.rows)

    def _part(self, start: int, stop: int) -> Run | None:
        if start >= min(stop, self.rows):
            return None
        values, keys = self.values[start:stop], self.keys[start:stop]
        return Run(
            topic=self.topic,
            partition=self.partition,
            values=values,
            offsets=self.offsets[start:stop],
            timestamps=self.timestamps[start:stop],
            keys=keys,
            headers=self.headers[start:stop],
            payload_bytes=_payload_bytes(values, keys),
        )


def partition_errors(messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    """Messages that carry events, and those by which librdkafka reports an error of one partition."""
    if not any(map(_ERROR, messages)):
        return messages, ()
    return [message for message in messages if not message.error()], [
        message for message in messages if message.error()
    ]


def runs_of(
    messages: Sequence[Message],
    *,
    only_topic: str | None = None,
    with_keys: bool = False,
    with_headers: bool = False,
) -> Iterator[Run]:
    """The runs of messages that carry events, in the order in which they came. `only_topic`: all are surely of it.

    librdkafka hands messages over partition by partition, so a run is nearly always all of `messages`. A message
    without a value (a tombstone) counts as empty.
    """
    for topic, partition, part in _neighbours(messages, only_topic):
        values, payload_bytes = _bytes_of(map(_VALUE, part))
        keys, key_bytes = _bytes_of(map(_KEY, part)) if with_keys else ((), 0)
        yield Run(
            topic=topic,
            partition=partition,
            values=values,
            offsets=_offsets_of(part),
            timestamps=list(map(_MILLISECONDS, map(_TIMESTAMP, part))),
            keys=keys,
            headers=[_header_map(headers) for headers in map(_HEADERS, part)] if with_headers else (),
            payload_bytes=payload_bytes + key_bytes,
        )


def _neighbours(messages: Sequence[Message], only_topic: str | None) -> Iterator[tuple[str, int, Sequence[Message]]]:
    """Topic, partition, and the neighbouring messages of them."""
    # Offsets would be cheaper to look at, but where a partition has a hole (a transaction's marker) there is room for
    # another partition's message, and none of them would tell. A topic's name is a new text for each message.
    is_one_topic = only_topic is not None or len(set(map(_TOPIC, messages))) == 1
    if is_one_topic and len(set(map(_PARTITION, messages))) == 1:
        yield _TOPIC(messages[0]), _PARTITION(messages[0]), messages
        return
    start = 0
    places = zip(map(_TOPIC, messages), map(_PARTITION, messages), strict=True)
    for (topic, partition), group in groupby(places):
        stop = start + sum(1 for _ in group)
        yield topic, partition, messages[start:stop]
        start = stop


def _offsets_of(part: Sequence[Message]) -> Sequence[int]:
    """The offsets of one partition's messages, which rise."""
    first, last = _OFFSET(part[0]), _OFFSET(part[-1])
    return range(first, last + 1) if last - first == len(part) - 1 else list(map(_OFFSET, part))


def _bytes_of(found: Iterable[bytes | None]) -> tuple[list[bytes], int]:
    """Values or keys, empty where there is none, and their size together."""
    values: Any = list(found)
    try:
        return values, sum(map(len, values))
    except TypeError:  # rare, and telling None from bytes one by one would cost all others time
        values = [value or b"" for value in values]
        return values, sum(map(len, values))


def _header_map(headers: Any) -> dict[str, bytes]:
    """Headers by name; of several with one name the last counts, as a Map holds a key once."""
    return {name: value or b"" for name, value in headers or ()}


def _payload_bytes(values: Sequence[bytes], keys: Sequence[bytes]) -> int:
    return sum(map(len, values)) + sum(map(len, keys))


def _size(value: bytes, key: bytes) -> int:
    return len(value) + len(key)

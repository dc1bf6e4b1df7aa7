"""Events that look like an application's traffic: the same ones for the same seed, on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random

# A block is made from its number and the seed alone, so that any part of the traffic can be made by itself.
BLOCK = 10_000
DAYS = 60
FIRST_MOMENT = datetime(2026, 9, 1, tzinfo=UTC)
# Few users do much and most do little: user `int(USERS * r ** SKEW)` for an even r gives a tenth of the users more
# than half of the events.
USERS = 100_000
SKEW = 4
# Events reach a topic a little out of order; most of them within a minute.
_LATE_SECONDS = 60

# name → how many of a thousand events
EVENT_TYPES = {
    "page_view": 520, "click": 190, "scroll": 90, "search": 60, "add_to_cart": 45, "login": 30, "logout": 18,
    "remove_from_cart": 15, "purchase": 14, "sign_up": 9, "share": 6, "error": 3,
}  # fmt: skip
_PLATFORMS = {"web": 520, "android": 290, "ios": 190}
_DEVICES = {"desktop": 450, "mobile": 480, "tablet": 70}
_SYSTEMS = {"Windows": 340, "Android": 290, "iOS": 190, "macOS": 130, "Linux": 50}
_COUNTRIES = {"US": 300, "IN": 140, "DE": 110, "FR": 100, "GB": 90, "BR": 90, "ES": 70, "JP": 60, "NL": 25, "NZ": 15}
_REFERRERS = {"google": 420, "direct": 260, "newsletter": 110, "twitter": 90, "facebook": 80, "partner": 40}


class Traffic:
    """The messages of `total` events (of 290 to 335 bytes, 312 on average), spread evenly over 60 days.

    `broken` is the share of messages that no row can be made of: a value of a wrong type, or no JSON at all.
    """

    def __init__(self, total: int, seed: int, *, broken: float = 0.0) -> None:
        self.total = total
        self.seed = seed
        self.broken = broken

    def __iter__(self) -> Iterator[bytes]:
        for number in range(-(-self.total // BLOCK)):
            yield from self.block(number)

    def block(self, number: int) -> list[bytes]:
        """The messages `number * BLOCK` and on, at most BLOCK of them."""
        first = number * BLOCK
        count = min(BLOCK, self.total - first)
        random = Random(f"{self.seed}/{number}")  # noqa: S311 - repeatable, not secret
        choices = [
            _choose(random, weights, count)
            for weights in (EVENT_TYPES, _PLATFORMS, _DEVICES, _SYSTEMS, _COUNTRIES, _REFERRERS)
        ]
        seconds_each = DAYS * 86_400 / self.total
        messages = []
        for index, (event_type, platform, device, system, country, referrer) in enumerate(
            zip(*choices, strict=True), first
        ):
            user = int(USERS * random.random() ** SKEW)
            moment = int(index * seconds_each + _LATE_SECONDS * random.random())
            messages.append(
                f'{{"event_id": "ev_{random.getrandbits(64):016x}", "event_type": "{event_type}", '
                f'"user_id": "user_{user}", "session_id": "sess_{user}_{moment // 1800}", '
                f'"timestamp": "{_text(moment)}", "platform": "{platform}", '
                f'"app_version": "3.{user % 9}.{index % 7}", "device_type": "{device}", '
                f'"os": "{system}", "country": "{country}", '
                f'"properties": "{{\\"referrer\\":\\"{referrer}\\",\\"value\\":{user % 1000}}}"}}'.encode()
            )
        return [self._break(message, random) for message in messages] if self.broken else messages

    def _break(self, message: bytes, random: Random) -> bytes:
        if random.random() >= self.broken:
            return message
        # Half of them are cut short, half hold a number where the schema wants a moment.
        if random.random() < 0.5:
            return message[: len(message) * 2 // 3]
        return message.replace(b'"timestamp": "', b'"timestamp": true, "was": "', 1)


def _choose(random: Random, weights: dict[str, int], count: int) -> list[str]:
    return random.choices(list(weights), cum_weights=list(accumulate(weights.values())), k=count)


def _text(seconds: int) -> str:
    day, second = divmod(seconds, 86_400)
    return f"{_date(day)} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


@cache
def _date(day: int) -> str:
    return f"{FIRST_MOMENT + timedelta(days=day):%Y-%m-%d}"


def broken_messages(traffic: Traffic) -> int:
    """How many messages of this traffic are broken; takes as long as making it."""
    whole = Traffic(traffic.total, traffic.seed)
    blocks = range(-(-traffic.total // BLOCK))
    return sum(
        one != other for number in blocks for one, other in zip(traffic.block(number), whole.block(number), strict=True)
    )

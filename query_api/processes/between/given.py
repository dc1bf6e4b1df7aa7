"""What the parent starts a process with: the arguments of its command, and names in the folder that all share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

METRICS_FOLDER = "metrics"
MEMORY_FILE = "memory"
# The exit code of a process that cannot start with what there is.
REFUSED = 2


@dataclass(frozen=True, slots=True)
class Given:
    """Which of how many it is, the descriptors of its ends of the channel and of the connections, and the folder."""

    number: int
    count: int
    channel: int
    connections: int
    folder: Path

    def arguments(self) -> list[str]:
        return [str(each) for each in (self.number, self.count, self.channel, self.connections, self.folder)]

    @classmethod
    def read(cls, arguments: Iterable[str]) -> Given:
        """Exits with a usage line when somebody else than the parent wrote them."""
        parser = argparse.ArgumentParser(description="One process of the query API; `query-api` starts it.")
        for name in ("number", "count", "channel", "connections"):
            parser.add_argument(name, type=int)
        parser.add_argument("folder", type=Path)
        return cls(**vars(parser.parse_args(list(arguments))))

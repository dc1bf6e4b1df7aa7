"""The rival that most people write: poll, json.loads, a row, 10,000 rows an insert, commit.

Run as a process of its own; `BENCH_CONSUMER` in its environment is a JSON object: `config` (librdkafka's), `topic`,
`partitions`, `clickhouse` (keyword arguments of clickhouse-connect), `database`, `columns`. It prints a line when it
has its partitions, and goes on until it is ended.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

import clickhouse_connect
from confluent_kafka import Consumer, TopicPartition

BATCH_ROWS = 10_000
# So that what is left of a topic is inserted too.
POLL_SECONDS = 0.5
ASSIGNED = "assigned"
# Not on the command line, which every user of the machine can read: there may be a password among them.
ARGUMENTS = "BENCH_CONSUMER"


def main(arguments: dict[str, Any]) -> None:
    client = clickhouse_connect.get_client(**arguments["clickhouse"])
    columns: list[str] = arguments["columns"]
    consumer = Consumer({**arguments["config"], "enable.auto.commit": False, "auto.offset.reset": "earliest"})

    def on_assign(_: Consumer, partitions: list[TopicPartition]) -> None:
        if len(partitions) == arguments["partitions"]:
            print(ASSIGNED, flush=True)

    consumer.subscribe([arguments["topic"]], on_assign=on_assign)
    rows: list[list[Any]] = []
    while True:
        message = consumer.poll(POLL_SECONDS)
        if message is not None and message.error() is None:
            event = json.loads(message.value() or b"")
            event["timestamp"] = datetime.fromisoformat(event["timestamp"])
            rows.append([event[name] for name in columns])
        if len(rows) >= BATCH_ROWS or (message is None and rows):
            client.insert("events", rows, column_names=columns, database=arguments["database"])
            consumer.commit(asynchronous=False)
            rows = []


if __name__ == "__main__":
    main(json.loads(os.environ[ARGUMENTS]))

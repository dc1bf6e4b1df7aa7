"""What the loop tells of itself."""

from __future__ import annotations

from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, do


def test_the_broker_offsets_are_measured() -> None:
    bench = Bench(committed={PLACE: 0})
    highs: list[int | None] = []
    bench.consumer.marks[PLACE] = (0, 42)
    bench.consumer.calls = [bench.assign, do(lambda: bench.clock.__setattr__("now", 200.0)), None]
    bench.consumer.on_empty = do(
        lambda: highs.extend(entry.high for entry in bench.assignment.partitions.values()), bench.stop.set
    )
    bench.run()
    assert highs[-1] == 42

"""How a consumer ends: what it has read is stored and committed first, for as long as there is time."""

from __future__ import annotations

from service.deadline import Deadline
from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, do, messages


def test_what_was_read_is_stored_and_committed_before_it_leaves() -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [bench.assign, lambda: messages(3)]
    bench.consumer.on_empty = bench.stop.set
    bench.consumer.calls += [bench.stop.set, do(bench.store_all)]
    assert bench.source.run(bench.stop, lambda: Deadline.after(5, bench.clock))
    assert bench.consumer.commits == [{PLACE: 3}]


def test_a_stop_that_is_out_of_time_leaves_the_rest_to_the_next_owner() -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [bench.assign, lambda: messages(3)]

    def pass_time() -> None:
        bench.stop.set()
        bench.clock.now += 3

    bench.consumer.on_empty = pass_time
    assert not bench.source.run(bench.stop, lambda: Deadline.after(5, bench.clock))
    assert bench.consumer.commits == []
    assert bench.buffer.queue(PLACE) is None


def test_the_loop_is_seen_to_turn_meanwhile() -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [bench.assign, lambda: messages(3)]

    def pass_time() -> None:
        bench.stop.set()
        bench.clock.now += 3

    bench.consumer.on_empty = pass_time
    bench.source.run(bench.stop, lambda: Deadline.after(5, bench.clock))
    assert bench.clock() - bench.source.turned_at <= 3

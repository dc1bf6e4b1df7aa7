"""Which requests share an answer, and what becomes of those who wait for one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from query_api.engine.execute import Answer
from query_api.errors import QueryRefused, Unavailable
from query_api.observing.answers import AnswersEvicted
from tests.query_api.answers.asker import Asker, body_of
from tests.query_api.fakes import until


async def settled() -> None:
    """Every task has had some turns."""
    for _ in range(5):
        await asyncio.sleep(0)


class Gated(Asker):
    """Its engine waits for the test."""

    def __init__(self, concurrency: int = 4, queue: int = 4) -> None:
        super().__init__(concurrency=concurrency, queue=queue)
        self.executor.gate = self.gate = asyncio.Event()

    async def begun(self, *query_ids: str, seconds: int = 0) -> list[asyncio.Task[bytes]]:
        tasks = []
        for query_id in query_ids:
            tasks.append(asyncio.create_task(self._body(query_id, seconds)))
            await settled()
        return tasks

    async def _body(self, query_id: str, seconds: int) -> bytes:
        given = await self.ask(self.question(seconds=seconds), query_id)
        given.asked.let_go()
        return body_of(given)


async def test_identical_questions_in_flight_are_asked_once() -> None:
    asker = Gated()
    asking = [asyncio.create_task(asker.ask(query_id=f"q{number}")) for number in range(10)]
    await settled()
    asker.gate.set()
    given = await asyncio.gather(*asking)
    assert [each.query_id for each in asker.executor.questions] == ["q0"]
    assert [each.origin for each in given] == ["asked"] + ["joined"] * 9
    assert {each.query_id for each in given} == {"q0"}
    assert asker.admission.running == 0


async def test_without_a_cache_time_an_answer_is_kept_for_nobody() -> None:
    asker = Asker()
    assert [(await asker.ask()).origin for _ in range(2)] == ["asked", "asked"]
    assert asker.kept.entries == 0


@pytest.mark.parametrize("difference", ["sql", "parameters", "settings", "extension", "pipe", "seconds", "version"])
@pytest.mark.parametrize("seconds", [0, 60])
async def test_what_an_answer_depends_on_is_not_shared(difference: str, seconds: int) -> None:
    asker = Gated()
    one = asker.question("SELECT {a:String}", parameters={"a": "1"}, seconds=seconds)
    other = {
        "sql": replace(one, query=replace(one.query, sql="SELECT {a:String}, 2")),
        "parameters": replace(one, query=replace(one.query, parameters={"a": "2"})),
        "settings": replace(one, settings={"output_format_json_quote_64bit_integers": "1"}),
        "extension": replace(one, answer_format=asker.question(extension="csv").answer_format),
        "pipe": replace(one, pipe="other"),
        "seconds": replace(one, cache_seconds=5),
        "version": replace(one, version=one.version + 1),
    }[difference]
    asking = [asyncio.create_task(asker.ask(each)) for each in (one, other)]
    await settled()
    asker.gate.set()
    assert [each.origin for each in await asyncio.gather(*asking)] == ["asked", "asked"]
    assert len(asker.executor.questions) == 2


async def test_when_the_asker_leaves_the_next_one_asks_for_all_others() -> None:
    asker = Gated()
    first, second, third = await asker.begun("q0", "q1", "q2")
    first.cancel()
    await settled()
    assert asker.executor.was_cancelled
    asker.gate.set()
    assert {await second, await third} == {asker.executor.body}
    assert [each.query_id for each in asker.executor.questions] == ["q0", "q1"]


async def test_one_who_leaves_when_it_was_to_ask_hands_that_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asker = Gated()
    execute = asker.executor.execute

    async def watched(*args: Any, **options: Any) -> Answer:
        try:
            return await execute(*args, **options)
        except asyncio.CancelledError:
            # It runs when the second has been told that it is to ask, and has not seen that.
            asyncio.get_running_loop().call_soon(second.cancel)
            raise

    monkeypatch.setattr(asker.executor, "execute", watched)
    first, second, third = await asker.begun("q0", "q1", "q2")
    first.cancel()
    await settled()
    asker.gate.set()
    assert await third == asker.executor.body
    assert second.cancelled()
    assert [each.query_id for each in asker.executor.questions] == ["q0", "q2"]
    assert (asker.admission.running, asker.answers.is_asking("top")) == (0, False)


async def test_the_last_who_leaves_ends_it_and_nobody_joins_it_any_more() -> None:
    asker = Gated()
    first, second = await asker.begun("q0", "q1")
    second.cancel()
    await settled()
    assert not asker.executor.was_cancelled
    first.cancel()
    await until(lambda: asker.executor.was_cancelled)
    (third,) = await asker.begun("q2")
    asker.gate.set()
    await third
    assert [each.query_id for each in asker.executor.questions] == ["q0", "q2"]
    assert asker.admission.running == 0


async def test_one_who_leaves_before_the_question_has_begun_ends_it() -> None:
    asker = Gated()
    task = asyncio.create_task(asker.ask())
    await asyncio.sleep(0)
    task.cancel()
    await settled()
    assert task.cancelled()
    assert (asker.admission.running, asker.answers.is_asking("top")) == (0, False)


async def test_an_error_is_told_to_all_who_wait_and_kept_for_nobody() -> None:
    asker = Gated()
    asker.executor.error = QueryRefused("no such column", 47)
    asking = await asker.begun("q0", "q1", "q2", seconds=60)
    asker.gate.set()
    for each in asking:
        with pytest.raises(QueryRefused, match="no such column"):
            await each
    asker.executor.error = None
    assert (await asker.ask(asker.question(seconds=60))).origin == "asked"
    assert len(asker.executor.questions) == 2


async def test_a_stream_is_the_first_ones_and_the_others_ask_for_themselves() -> None:
    asker = Gated()
    asker.executor.chunks = [b"a", b"b"]
    asking = [asyncio.create_task(asker.ask(asker.question(seconds=60), f"q{number}")) for number in range(3)]
    await settled()
    asker.gate.set()
    given = await asyncio.gather(*asking)
    assert [each.query_id for each in asker.executor.questions] == ["q0", "q1", "q2"]
    assert [each.origin for each in given] == ["asked"] * 3
    assert asker.admission.running == 3  # a stream has its slot until it is at its end
    assert [await each.asked.answer.whole() for each in given] == [b"ab"] * 3
    for each in given:
        each.asked.let_go()
    assert (asker.admission.running, asker.kept.entries) == (0, 0)


async def test_whoever_was_told_of_rows_does_not_join_what_was_asked_before() -> None:
    asker = Gated()
    before = await asker.begun("q0", "q1")
    asker.told.advance()
    after = await asker.begun("q2", "q3")
    assert [each.query_id for each in asker.executor.questions] == ["q0", "q2"]
    asker.gate.set()
    await asyncio.gather(*before, *after)
    assert not asker.answers.is_asking("top")


async def test_a_question_that_waits_for_its_slot_has_not_been_asked_yet() -> None:
    asker = Gated(concurrency=1)
    other = asyncio.create_task(asker.ask(asker.question("SELECT 2"), "other"))
    before = await asker.begun("q0")
    asker.told.advance()
    after = await asker.begun("q1")
    asker.gate.set()
    await asyncio.gather(other, *before, *after)
    assert [each.query_id for each in asker.executor.questions] == ["other", "q0"]


async def test_a_joined_question_and_a_hit_need_no_slot() -> None:
    asker = Gated(concurrency=1, queue=0)
    asker.gate.set()
    await asker.ask(asker.question("kept", seconds=60))
    asker.gate.clear()
    (first,) = await asker.begun("q0")
    with pytest.raises(Unavailable):
        await asker.ask(asker.question("SELECT 2"))
    (second,) = await asker.begun("q1")
    assert (await asker.ask(asker.question("kept", seconds=60))).origin == "hit"
    asker.gate.set()
    assert await first == await second


async def test_an_answer_is_kept_for_its_time_from_when_it_was_asked() -> None:
    asker = Gated()
    question = asker.question(seconds=10)
    (asking,) = await asker.begun("q0", seconds=10)
    asker.clock.now += 4
    asker.gate.set()
    await asking
    asker.clock.now += 5.9
    hit = await asker.ask(question, "q1")
    assert (hit.origin, hit.query_id) == ("hit", "q0")
    assert hit.asked.kept is not None
    assert hit.asked.kept.headers(asker.clock.now)["Age"] == "9"
    asker.clock.now += 0.1
    assert (await asker.ask(question, "q2")).origin == "asked"


async def test_an_expiry_does_not_stampede() -> None:
    asker = Gated()
    asker.gate.set()
    await asker.ask(asker.question(seconds=1))
    asker.clock.now += 1
    asker.gate.clear()
    asking = await asker.begun(*(f"q{number}" for number in range(20)), seconds=1)
    asker.gate.set()
    await asyncio.gather(*asking)
    assert len(asker.executor.questions) == 2


async def test_with_a_cache_time_a_question_is_joined_whatever_was_told_since() -> None:
    asker = Gated()
    first = await asker.begun("q0", seconds=60)
    asker.told.advance()
    second = await asker.begun("q1", seconds=60)
    asker.gate.set()
    await asyncio.gather(*first, *second)
    assert len(asker.executor.questions) == 1


async def test_another_version_of_the_project_begins_anew() -> None:
    asker = Gated()
    earlier = await asker.begun("q0", seconds=60)
    asker.version = asker.answers.new_version()
    later = await asker.begun("q1", seconds=60)
    asker.gate.set()
    await asyncio.gather(*earlier, *later)
    assert [each.query_id for each in asker.executor.questions] == ["q0", "q1"]
    assert (await asker.ask(asker.question(seconds=60))).query_id == "q1"


async def test_a_version_that_does_not_come_to_answer_changes_nothing() -> None:
    asker = Asker()
    await asker.ask(asker.question(seconds=60), "q0")
    asker.answers.new_version()
    assert (await asker.ask(asker.question(seconds=60), "q1")).query_id == "q0"


async def test_a_long_answer_is_shared_by_those_who_wait_and_not_kept() -> None:
    asker = Gated()
    asker.executor.body = bytes(1_048_577)
    asking = await asker.begun("q0", "q1", seconds=60)
    asker.gate.set()
    await asyncio.gather(*asking)
    assert (len(asker.executor.questions), asker.kept.entries) == (1, 0)


async def test_answers_that_go_for_want_of_room_are_counted() -> None:
    asker = Asker(cache_bytes=100_000)
    asker.executor.body = bytes(10_000)
    for number in range(20):
        await asker.ask(asker.question(f"SELECT {number}", seconds=60))
    gone = sum(each.answers for each in asker.observed if isinstance(each, AnswersEvicted))
    assert (gone, asker.kept.entries) == (13, 7)

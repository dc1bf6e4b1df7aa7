"""Tries every node of every pipe: each alone, after those that it reads, with each of its trials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from schemas.model import Materialization, Problem, Project
from schemas.queries.catalog import Catalog
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.query import Query
from schemas.queries.resolve import COPY_TABLE_FUNCTIONS
from schemas.queries.trials.origins import rendered
from schemas.queries.trials.trials import MADE_UP, TEXTS, Trial, trials_of, with_text
from service.analysis.answers import Answer, Asking, key_of
from service.analysis.complaints import ASKED_WITH, Complaints
from service.analysis.joins import EXPLAIN_TREE, join_warnings
from service.analysis.tables import ScratchTable, Tables
from service.analysis.targets import compare_with_target, writers
from service.analysis.words import reason_of
from service.clickhouse.codes import TEXT_FORM, Code

# They reach other servers, which analysing a project must not.
_REMOTE = re.compile(rf"\b(?:{'|'.join(sorted(COPY_TABLE_FUNCTIONS))})\s*\(", re.IGNORECASE)
_QUOTED = re.compile(r"['\"]([^'\"\n]+)['\"]")
_JOIN = re.compile(r"\bJOIN\b", re.IGNORECASE)


class NodeAnalysis:
    """One look at all nodes; `problems` and `broken` pipes are what it finds."""

    def __init__(
        self, project: Project, catalog: Catalog, tables: Tables, asking: Asking, known: dict[str, tuple[Problem, ...]]
    ) -> None:
        """`known`: what was found of nodes that are as they were, kept from one look to the next."""
        self.problems: list[Problem] = []
        self.broken: set[str] = set()
        self._project = project
        self._catalog = catalog
        self._tables = tables
        self._asking = asking
        self._known = known
        self._complaints = Complaints(project, catalog, asking)
        self._broken_nodes: set[NodeKey] = set()

    def run(self) -> None:
        done: set[NodeKey] = set()
        found: dict[str, tuple[Problem, ...]] = {}
        for key in self._catalog.nodes:
            for each in self._in_order(key, done):
                node = self._catalog.nodes[each]
                as_it_is = self._fingerprint(node)
                if as_it_is not in self._known:
                    start = len(self.problems)
                    self._look_at(node)
                    found[as_it_is] = tuple(self.problems[start:])
                    continue
                found[as_it_is] = self._known[as_it_is]
                for problem in found[as_it_is]:
                    self._add(node, problem)
        self._known.clear()
        self._known.update(found)

    def _fingerprint(self, node: CompiledNode) -> str:
        """All that what is found of a node depends on: the files of what it reads, and how their tables are."""
        reads = self._catalog.graph.reachable(node.key)
        pipes = {key.pipe: self._project.pipes[key.pipe] for key in reads.nodes if key.pipe in self._project.pipes}
        texts = [f"{name} {pipe.place.file} {pipe.source}" for name, pipe in sorted(pipes.items())]
        target = node.node.kind.target if isinstance(node.node.kind, Materialization) else ""
        quoted = set(_QUOTED.findall("\n".join(texts)))
        in_texts = {name for name in self._tables.usable if name in quoted}
        for name in sorted({*reads.data_sources, *in_texts, target}):
            table = self._tables.usable.get(name)
            if table is not None:
                texts.append(f"{table.identity} {table.data_source.source} {writers(self._project, name)}")
        broken = sorted(f"{key.pipe} {key.node}" for key in self._broken_nodes.intersection(reads.nodes))
        unusable = sorted(self._tables.unusable.intersection(reads.data_sources))
        return key_of(node.key.pipe, node.key.node, *texts, "broken", *broken, *unusable)

    def _in_order(self, key: NodeKey, done: set[NodeKey]) -> Iterator[NodeKey]:
        """The node after all that it reads, each once."""
        pending = [(key, False)]
        while pending:
            current, is_ready = pending.pop()
            if is_ready:
                yield current
            elif current not in done and current in self._catalog.nodes:
                done.add(current)
                pending.append((current, True))
                pending += [(each, False) for each in self._catalog.graph[current].nodes]

    def _look_at(self, node: CompiledNode) -> None:
        reads = self._catalog.graph.reachable(node.key)
        trials = trials_of(self._catalog, node)
        # A node that reads what is broken is parsed alone: what else ClickHouse said would be about the other.
        if self._broken_nodes.intersection(reads.nodes) or self._tables.unusable.intersection(reads.data_sources):
            for trial in trials.statements[:1]:
                self._parse(node, trial)
            return
        found = [
            problem
            for trial in trials.statements
            if (problem := self._try(node, trial, reads.data_sources)) is not None
        ]
        self._tell(node, found, len(trials.statements))
        refused = [trial for trial, _ in found]
        if trials.statements and trials.statements[0] not in refused:
            self._look_closer(node, trials.statements[0], reads.data_sources)
        if not trials.statements and not self._is_known_to_fail(reads.nodes):
            message = f"the node `{node.node.name}` is not checked, no values of ours suit it: {trials.failure}"
            hint = "give its parameters a default, or say what they take: `example='…'`"
            self._add(node, Problem(node.node.sql_place, message, hint, severity="warning"))

    def _is_known_to_fail(self, nodes: Iterable[NodeKey]) -> bool:
        """Whether something is told of one of the nodes already: a name that is not there, a tag that is refused."""
        told = {problem.place.file for problem in self._catalog.warnings}
        return any(
            self._catalog.graph[key].unknown or self._catalog.nodes[key].pipe.place.file in told
            for key in nodes
            if key in self._catalog.nodes
        )

    def _tell(self, node: CompiledNode, found: list[tuple[Trial, Answer]], tried: int) -> None:
        told: set[tuple[object, ...]] = set()
        is_sound = len(found) < tried
        for trial, answer in found:
            problem = self._complaints.of(node, trial, answer, is_sound=is_sound)
            key = (problem.place, problem.message.partition(ASKED_WITH)[0])
            if key not in told:
                told.add(key)
                self._add(node, problem)

    def _add(self, node: CompiledNode, problem: Problem) -> None:
        self.problems.append(problem)
        if problem.severity == "error":
            self._broken_nodes.add(node.key)
            self.broken.add(node.pipe.name)

    def _try(self, node: CompiledNode, trial: Trial, reads: tuple[str, ...]) -> tuple[Trial, Answer] | None:
        """The trial and why it is refused; None when it is not, or not for anything of the project's."""
        if _REMOTE.search(trial.query.sql):
            return None
        answer = self._ask("EXPLAIN ", trial.query, reads)
        if not answer.is_refused:
            return None
        is_about_us = trial.has_free_texts and _may_be_about_texts(answer)
        return None if is_about_us and self._is_about_texts(node, trial, reads) else (trial, answer)

    def _is_about_texts(self, node: CompiledNode, trial: Trial, reads: tuple[str, ...]) -> bool:
        """Whether the complaint is about a text of ours: another is taken, or it is another complaint with each."""
        for text in TEXTS:
            other = with_text(self._catalog, node, trial, text)
            answer = self._ask("EXPLAIN ", other.query, reads) if other is not None else Answer()
            if other is not None and not (answer.is_refused and _may_be_about_texts(answer, text)):
                return not answer.is_refused
        return True

    def _ask(self, question: str, query: Query, reads: tuple[str, ...]) -> Answer:
        return self._asking.ask(f"{question}{query.sql}", query, self._seen(query, reads))

    def _seen(self, query: Query, reads: tuple[str, ...]) -> list[ScratchTable]:
        """The tables that a statement names, as tables or in texts (`joinGet('dimensions', …)`)."""
        usable = self._tables.usable
        in_texts = (name for name in usable if f"'{name}'" in query.sql)
        return [usable[name] for name in dict.fromkeys(chain(reads, in_texts)) if name in usable]

    def _parse(self, node: CompiledNode, trial: Trial) -> None:
        text = rendered(self._catalog, node, trial.values)
        if text is not None:
            answer = self._asking.parse(text.query)
            if answer.code == Code.SYNTAX_ERROR:
                self._add(node, self._complaints.of(node, trial, answer, is_sound=False))

    def _look_closer(self, node: CompiledNode, trial: Trial, reads: tuple[str, ...]) -> None:
        if _REMOTE.search(trial.query.sql):
            return
        text = rendered(self._catalog, node, trial.values)
        if isinstance(node.node.kind, Materialization) and text is not None:
            described = self._asking.ask(
                f"DESCRIBE (\n{trial.query.sql}\n)", trial.query, self._seen(trial.query, reads)
            )
            if not described.is_refused:
                for problem in compare_with_target(self._project, self._tables, self._asking, text, described.rows):
                    self._add(node, problem)
        if text is not None and _JOIN.search(text.text):
            tree = self._ask(EXPLAIN_TREE, trial.query, reads)
            for problem in join_warnings(tree.rows, text):
                self._add(node, problem)


def _may_be_about_texts(answer: Answer, text: str = MADE_UP) -> bool:
    """Whether a complaint is about what a value holds, not about what there is."""
    return answer.code in TEXT_FORM or text in reason_of(answer.reason).text

# What people and CI run. Nothing but Python 3.11 or newer is needed: `make run` is the whole system on this machine.
PYTHON ?= python3
BIN := .venv/bin
# What is installed in .venv is remembered here; it is installed again when pyproject.toml changes.
STAMPS := .venv/.installed
# 1 for the tests that need no server and are not slow.
FAST ?=
# Processes that tests are handed out to. Tests with servers mostly wait, so that it is more than there are cores.
PROCESSES ?= 4
# Rounds of each fault; a part of a fault's name; 1 for the runs with protections switched off; where rounds are kept.
ROUNDS ?= 1
FAULT ?=
BITES ?=
RECORD ?= docs/faults.jsonl
PACKAGES := schemas service ingest_worker query_api deploy bench
# What was compiled is kept: four processes collect the tests, and those start some hundred more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check bench faults docs clean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: $(STAMPS)/embedded ## Start everything on this machine: an embedded broker and engine, the worker, the API
	@exec $(BIN)/birdhouse run

test: $(STAMPS)/dev ## Run every test, on real servers where there are some; FAST=1 for a first answer in a minute
	$(BIN)/pytest --numprocesses $(if $(FAST),auto --fast,$(PROCESSES)) --dist loadfile --no-loadscope-reorder

check: $(STAMPS)/dev ## Check form, types, the house's rules and the generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.reference_docs --check

bench: $(STAMPS)/dev $(STAMPS)/bench ## Measure throughput and latency on this machine
	$(BIN)/birdhouse bench

faults: $(STAMPS)/dev ## Break things on purpose: ROUNDS=200 for the long run, FAULT=name, FAULT_SEED=n to repeat one, BITES=1
	ROUNDS=$(ROUNDS) FAULT='$(FAULT)' BITES=$(BITES) FAULT_RECORD=$(RECORD) $(BIN)/pytest tests/faults

docs: $(STAMPS)/dev ## Write the generated parts of docs/
	$(BIN)/python -m deploy.reference_docs

clean: ## Remove what was made here, but no stored events
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find $(PACKAGES) tests -type d -name __pycache__ -prune -exec rm -rf {} +

# Each file stands for the extras of its name.
$(STAMPS)/%: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: Python 3.11 or newer is needed, \`$(PYTHON)\` is $$($(PYTHON) --version 2>&1)" >&2; \
	  echo "hint: name another, for example \`make $(MAKECMDGOALS) PYTHON=python3.12\`" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { \
	  echo "error: \`$(PYTHON) -m venv\` does not work" >&2; \
	  echo "hint: Debian and Ubuntu have it in a package of its own, python3-venv" >&2; rm -rf .venv; exit 1; }
	@echo "installing Birdhouse into .venv" >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@mkdir -p $(STAMPS) && touch $@ $(if $(filter dev,$*),$(STAMPS)/embedded) # dev brings embedded with it

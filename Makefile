# Everything a developer or a new user runs. `make` alone prints this list.
PYTHON ?= python3
DAY ?= $(shell date -u +%F)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := omniroute tests bench scripts

.DEFAULT_GOAL := help
.PHONY: help setup serve test fmt lint types floors unit laws cover schemas docs prices golden examples bench soak agents matrix lock check wheel clean

help:            ## print this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 18

# The environment: locked, with hashes. .venv/.run has what the gateway needs, .venv/.dev what its developers need.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "OmniRoute needs Python 3.11 or newer; say which with PYTHON=…")'
	$(PYTHON) -m venv .venv

.venv/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.run
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

setup: .venv/.dev   ## make the environment for developers

serve: .venv/.run   ## start the gateway on examples/ (ARGS="--port 8080" …)
	@$(BIN)/omniroute serve --config examples --database .venv/examples.db $(ARGS)

test: lint types floors unit   ## everything that must be green: lint, types, floors, tests

fmt: .venv/.dev   ## format the source
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: .venv/.dev   ## formatting, ruff's rules, spelling
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/codespell omniroute docs examples README.md CHANGELOG.md

types: .venv/.dev   ## mypy, strict
	$(BIN)/mypy

floors: .venv/.dev   ## who may import whom
	$(BIN)/lint-imports --no-logo

unit: .venv/.dev   ## the tests
	$(BIN)/pytest -q -n 2 --dist loadfile

laws: .venv/.dev   ## the laws, with twenty times as many examples
	OMNIROUTE_LAWS=20 $(BIN)/pytest -q -n 2 tests/laws tests/routing/test_attempts.py

cover: .venv/.dev   ## branch coverage; the floors below the waterline must be covered in full
	$(BIN)/coverage run -m pytest -q tests/ir tests/formats tests/config tests/routing tests/laws
	$(BIN)/coverage report --skip-covered --include 'omniroute/names.py,omniroute/errors.py,omniroute/ir/*,omniroute/formats/*,omniroute/config/*,omniroute/routing/*'

schemas: .venv/.dev   ## write schemas/ anew from the document models
	$(BIN)/omniroute schema --write schemas

docs: .venv/.dev   ## write docs/reference/ anew from the code
	$(BIN)/python -m tests.support.docs --write

prices:   ## make the shipped prices anew, for a release (DAY=2026-11-23; downloads genai-prices)
	$(PYTHON) -m venv .venv/prices
	.venv/prices/bin/python -m pip --disable-pip-version-check --quiet install genai-prices
	.venv/prices/bin/python scripts/prices.py $(DAY)

golden: .venv/.dev   ## rewrite the golden files; a person reads the difference
	OMNIROUTE_GOLDEN=write $(BIN)/pytest -q tests/golden tests/config/render

examples: .venv/.dev   ## check and test examples/
	$(BIN)/omniroute check --config examples --deny-warnings
	$(BIN)/omniroute test --config examples --coverage-fail-under 100

bench: .venv/.dev   ## measure against nginx and LiteLLM in one run, a table of the goals (see bench/README.md)
	bench/run.sh $(ARGS)

soak: .venv/.dev   ## longer runs: 20 minutes with everything on (SOAK_MINUTES=…), kill -9, reloads under load
	SOAK_MINUTES=$${SOAK_MINUTES:-20} $(BIN)/pytest -q -s tests/soak

.agents/node_modules/.package-lock.json: tests/agents/package.json tests/agents/package-lock.json
	mkdir -p .agents && echo '*' > .agents/.gitignore
	cp $^ .agents/
	cd .agents && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

agents: .venv/.dev .agents/node_modules/.package-lock.json   ## coding agents from npm, each a turn with a tool call (needs node 20)
	$(BIN)/pytest -q tests/agents

matrix: .venv/.dev   ## every client format × every upstream format by the official SDKs: a table of what came through
	$(BIN)/python -m tests.support.matrix

lock:   ## pin the dependencies anew (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url -q pyproject.toml --group build -o requirements/run.txt
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url -q pyproject.toml --group dev -o requirements/dev.txt

check: test examples   ## what CI runs, and that what is generated is as committed
	@$(MAKE) --no-print-directory schemas docs && git diff --exit-code -- schemas docs/reference

wheel: .venv/.dev   ## build the wheel
	$(PIP) wheel --no-deps --no-build-isolation -w dist .

clean:   ## remove the environment and what was built
	rm -rf .venv dist build

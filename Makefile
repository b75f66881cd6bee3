# Every command of the project. `make help` lists them.
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile
ARGS ?=
WORKERS ?= 2
export PYTHONHASHSEED ?= 0
export PYTHONDONTWRITEBYTECODE :=  # what pytest compiles is kept: the next run starts seconds sooner

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-shared tck interop check fix docs bench run lock system clean

help: ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.node: requirements/node.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Tidegate into $(VENV) (once; a few minutes on a slow line) …"
	@$(PIP) --require-hashes --only-binary :all: -r requirements/node.txt
	@$(PIP) --no-build-isolation -e .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib src  # on every core: no start pays for it
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.node
	@echo "Installing the test tools into $(VENV) …"
	@$(PIP) --require-hashes --only-binary :all: -r requirements/test.txt
	@touch $@

demo: $(VENV)/.node ## tell the whole story on three nodes (ARGS=--no-serve stops at the end)
	@PYTHONPATH=demo $(BIN)/python -m tidegate_demo $(ARGS)

system: ## install the system packages that the tests need (as root), or say which
	@bash scripts/system-packages.sh

test: system $(VENV)/.test ## set up and run the whole suite (WORKERS=1 for one process)
	@$(BIN)/python -m pytest tests --ignore=tests/shared --numprocesses=$(WORKERS) $(ARGS)

test-fast: $(VENV)/.test ## the unit tests: pure code, in seconds
	@$(BIN)/python -m pytest tests/unit $(ARGS)

test-shared: $(VENV)/.test ## hold us against official schemas and real data in ../shared
	@$(BIN)/python -m pytest tests/shared $(ARGS)

tck: $(VENV)/.node ## run the official conformance kits (ARGS="dsp" selects, KITS=dir takes jars on disk)
	@bash scripts/system-packages.sh kits
	@$(BIN)/python tck/run.py $(ARGS)

interop: $(VENV)/.test ## run the matrix beside Eclipse EDC (ARGS="catalogue" selects areas)
	@bash scripts/system-packages.sh
	@bash scripts/system-packages.sh kits
	@$(BIN)/python interop/run.py $(ARGS)

check: $(VENV)/.test ## everything that must hold without running: format, lint, types, contracts, docs
	@bash scripts/check.sh

fix: $(VENV)/.test ## repair what a tool can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

docs: $(VENV)/.test ## write the generated pages under docs/reference
	@$(BIN)/python scripts/make_docs.py

bench: $(VENV)/.test ## measure against the named peers; writes var/bench/<room>.json
	@for each in bench/*.py; do echo "== $$each"; PYTHONPATH=src:tests:demo $(BIN)/python $$each || echo "-- $$each missed a goal or failed"; done
	@$(BIN)/python scripts/show_bench.py

run: $(VENV)/.node ## one node with an empty home in var/node, on http://localhost:7400
	@bash scripts/run.sh

lock: ## pin every dependency anew, by hash, without index addresses
	@bash scripts/lock.sh

clean: ## forget what was built and measured
	@rm -rf var dist

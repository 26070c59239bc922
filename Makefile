# Every target prepares .venv by itself; nothing else is needed but Python ≥ 3.11, a C compiler and git.

PYTHON ?= python3
BIN := .venv/bin
KERNELS := $(wildcard ext/*.pyx ext/*.pxd ext/*.py)

.PHONY: run demo test soak bench quick check lint types layers generated format coverage clean help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/ready ## start PostgreSQL and the node, print addresses and the next command (ARGS="--flag …")
	@$(BIN)/voltrio serve $(ARGS)

demo: .venv/ready ## the node with 20 simulated chargers, in a database of its own
	@$(BIN)/voltrio demo $(ARGS)

test: .venv/ready ## all tests, on real PostgreSQL (ARGS="tests/ext -k frame")
	@$(BIN)/pytest $(ARGS)

soak: .venv/ready ## the long tests: kills, leaks, fuzzing (some 40 minutes)
	@$(BIN)/pytest -m soak -rP -o faulthandler_timeout=3600 $(ARGS)

bench: .venv/ready ## measure side by side with peers; one table, saved as bench/results/latest.json
	@$(BIN)/python -m bench $(ARGS)

quick: .venv/ready ## all benchmarks in miniature: whether they work, within a minute or two
	@$(BIN)/python -m bench --quick

check: lint types layers generated test quick ## everything that CI runs

lint: .venv/ready
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/ready
	@$(BIN)/mypy

layers: .venv/ready
	@$(BIN)/lint-imports

generated: .venv/ready
	@$(BIN)/python -m tools.codegen --check && $(BIN)/python -m tools.reference --check

format: .venv/ready ## let ruff mend what it can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

coverage: .venv/ready ## tests with branch coverage
	@$(BIN)/pytest --cov $(ARGS)

.venv/installed: pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Voltrio needs Python 3.11 or newer. Name one: make PYTHON=python3.13 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv is missing."; echo "Debian, Ubuntu: apt install python3-venv"; exit 1; }
	@command -v $(CC) >/dev/null || { \
	  echo "A C compiler is missing: the kernels are compiled."; \
	  echo "Debian, Ubuntu: apt install gcc · Fedora: dnf install gcc · macOS: xcode-select --install"; exit 1; }
	@test -f "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || { \
	  echo "Python's headers (Python.h) are missing: the kernels are compiled against them."; \
	  echo "Debian, Ubuntu: apt install python3-dev · Fedora: dnf install python3-devel"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing Voltrio and its tools into .venv (a minute or two the first time) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.venv/ready: .venv/installed $(KERNELS)
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

clean: ## remove what was built (not the data in var/)
	rm -rf .venv build dist *.egg-info ext/*.so ext/*.c .mypy_cache .ruff_cache .pytest_cache .hypothesis

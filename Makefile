# Every target prepares .venv by itself; nothing else is needed but Python ≥ 3.11, a C compiler and git.
# `make PYTHON=python3.13 …` makes it anew with that Python.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
KERNELS := $(wildcard ext/*.pyx ext/*.pxd ext/*.py)

.PHONY: run demo test soak bench quick check lint types layers generated format coverage clean help anew

# A Python that is named and is not that of $(VENV) has it made anew; unnamed, it stays as it is.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) --version 2>&1 || true),$(shell test ! -x $(BIN)/python || $(BIN)/python --version 2>&1))
ANEW := anew
endif
endif

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

anew:

run: $(VENV)/ready ## start PostgreSQL and the node, print addresses and the next command (ARGS="--flag …")
	@$(BIN)/voltrio serve $(ARGS)

demo: $(VENV)/ready ## the node with 20 simulated chargers, in a database of its own
	@$(BIN)/voltrio demo $(ARGS)

test: $(VENV)/ready ## all tests, on real PostgreSQL (ARGS="tests/ext -k frame")
	@$(BIN)/pytest $(ARGS)

soak: $(VENV)/ready ## the long tests: kills, leaks, fuzzing (some 40 minutes)
	@$(BIN)/pytest -m soak -rP -o faulthandler_timeout=3600 $(ARGS)

bench: $(VENV)/ready ## measure side by side with peers; one table, saved as bench/results/latest.json
	@$(BIN)/python -m bench $(ARGS)

quick: $(VENV)/ready ## all benchmarks in miniature: whether they work, within a minute or two
	@$(BIN)/python -m bench --quick

check: lint types layers generated test quick ## everything that CI runs

lint: $(VENV)/ready
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/ready
	@$(BIN)/mypy

layers: $(VENV)/ready
	@$(BIN)/lint-imports

generated: $(VENV)/ready
	@$(BIN)/python -m tools.codegen --check && $(BIN)/python -m tools.reference --check

format: $(VENV)/ready ## let ruff mend what it can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

coverage: $(VENV)/ready ## tests with branch coverage
	@$(BIN)/pytest --cov $(ARGS)

$(BIN)/python: $(ANEW)
	@{ $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; } 2>/dev/null || { \
	  echo "Voltrio needs Python 3.11 or newer. Name one: make PYTHON=python3.13 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv is missing."; echo "Debian, Ubuntu: apt install python3-venv"; exit 1; }
	@command -v $(CC) >/dev/null || { \
	  echo "A C compiler is missing: the kernels are compiled."; \
	  echo "Debian, Ubuntu: apt install gcc · Fedora: dnf install gcc · macOS: xcode-select --install"; exit 1; }
	@test -f "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || { \
	  echo "Python's headers (Python.h) are missing: the kernels are compiled against them."; \
	  echo "Debian, Ubuntu: apt install python3-dev · Fedora: dnf install python3-devel"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)

# pip says nothing or far too much: PROGRESS makes a line of each package that is asked for, and of each step.
# The pipe has sed's exit code, so a failure shows by the missing target. Errors are not in the pipe.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off
PROGRESS := sed -unE -e 's/^Collecting pip$$/  pip/p' -e 's/^ *Installing build dependencies: s.*/  build tools/p' \
  -e 's/^Collecting ([A-Za-z0-9_-]+).*\(from voltrio==[^>]*\)$$/  \1/p' \
  -e 's/^Building wheels .*/  building voltrio/p' -e 's/^Installing collected .*,.*/  installing all of them/p'

$(VENV)/installed: $(BIN)/python pyproject.toml setup.py
	@echo "Installing Voltrio and its tools into $(VENV) (a minute or two the first time):"
	@rm -f $@
	@{ $(PIP) --upgrade pip && $(PIP) --editable '.[dev]' && touch $@; } | $(PROGRESS)
	@test -e $@

$(VENV)/ready: $(VENV)/installed $(KERNELS)
	@echo "Compiling the kernels …"
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

clean: ## remove what was built (not the data in var/)
	rm -rf $(VENV) .venv-newest build dist *.egg-info ext/*.so ext/*.c .mypy_cache .ruff_cache .pytest_cache .hypothesis

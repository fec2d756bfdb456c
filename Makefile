# Every target sets up .venv first where it is missing or out of date. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1

# `make unit WING=panel` runs the tests of one wing
UNITS := $(if $(WING),tests/methods/$(WING) lib/paperlab/methods/$(WING),tests lib/paperlab --ignore=tests/book)

.PHONY: help setup book test check lint types format unit cov pages browser bench lab lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): requirements.txt requirements-data.txt pyproject.toml
	@begin=$$SECONDS; \
	command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not installed; install Python 3.11 or call make PYTHON=/path/to/python3.11"; exit 2; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "make: $(PYTHON) is not Python 3.11, which the lock is made for"; exit 2; }; \
	echo "set-up: creating $(VENV) and installing the lock (a few minutes the first time) ..."; \
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools wheel; \
	$(BIN)/python -m pip install --quiet -r requirements.txt; \
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-data.txt; \
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .; \
	touch $@; echo "set-up: done in $$((SECONDS - begin)) s"

setup: $(STAMP) ## create .venv and install the lock

book: $(STAMP) ## build the book into _build/html
	@begin=$$SECONDS; echo "book: building (strict) ..."; \
	$(BIN)/jupyter-book build . -n -W --keep-going -q; \
	echo "book: built in $$((SECONDS - begin)) s; open _build/html/index.html"

test: $(STAMP) ## everything: lint, unit tests, checks, every notebook, strict build, browser
	@begin=$$SECONDS; \
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target check book; \
	$(MAKE) --no-print-directory unit; \
	$(MAKE) --no-print-directory pages; \
	$(MAKE) --no-print-directory browser; \
	echo "test: all passed in $$((SECONDS - begin)) s"

check: $(STAMP) lint types ## lint, types, spelling, structural checks; executes nothing
	@$(BIN)/paperlab check

lint: $(STAMP)
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && $(BIN)/codespell && $(BIN)/python tools/check_files.py \
	    && echo "lint: clean"

types: $(STAMP)
	@$(BIN)/mypy

format: $(STAMP) ## put code into the house's form
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet . && echo "format: done"

unit: $(STAMP) ## tests and docstring examples of the library; WING=panel for one wing
	@echo "unit tests ..."; $(ONE_THREAD) $(BIN)/python -m pytest $(UNITS) --doctest-modules -n 2 --dist loadfile

cov: $(STAMP) ## lines of the library that its tests reach; fails below the floor of pyproject.toml
	@$(ONE_THREAD) NUMBA_DISABLE_JIT=0 $(BIN)/python -m pytest $(UNITS) -n 2 --dist loadfile --cov --cov-report=term:skip-covered

pages: $(STAMP) ## execute every notebook and compare its verdicts
	@echo "every notebook, executed ..."; \
	$(ONE_THREAD) IPYTHONDIR=$(VENV)/ipython $(BIN)/python -m pytest notebooks --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg \
	    --nbval-cell-timeout=600 --dist loadfile -n 2 --durations=5

browser: $(STAMP) ## the built book in a headless browser
	@echo "the built book ..."; $(BIN)/python -m pytest tests/book -rs -n 2 --dist worksteal

bench: $(STAMP) ## speed against peers; writes data/records/benchmarks.json
	@$(ONE_THREAD) $(BIN)/python tools/bench.py

lab: $(STAMP) ## JupyterLab on the notebooks
	@JUPYTER_PREFER_ENV_PATH=1 $(BIN)/jupyter lab notebooks

lock: ## resolve pyproject.toml anew and write requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python tools/lock.py

clean: ## remove what was built; keeps .venv and runs/
	@rm -rf _build .pytest_cache .ruff_cache .benchmarks && find lib tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} + \
	    && echo "clean: removed _build and caches"

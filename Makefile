# One command for each thing a person or CI does; `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := $(shell grep '^torch==' requirements.lock)
READY := .venv/.installed
READY_TO_DEVELOP := .venv/.installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check bench quality fix lock clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY)  ## install what is missing, then open the chat page on this machine
	$(BIN)/colloquy serve

test: $(READY_TO_DEVELOP)  ## every test, without any model hub, on two cores
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(READY_TO_DEVELOP)  ## style, types, who may import whom, the handbook's facts, the README's commands
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python knowledge/check_facts.py
	HF_HUB_OFFLINE=1 $(BIN)/pytest tests/test_house.py tests/test_readme.py

bench: $(READY)  ## seconds of each stage of a turn, of each way of writing, speed of ingestion, memory
	HF_HUB_OFFLINE=1 $(BIN)/colloquy bench
	HF_HUB_OFFLINE=1 $(BIN)/colloquy bench --fusion

quality: $(READY)  ## how good the answers about the handbook are, turn by turn
	HF_HUB_OFFLINE=1 $(BIN)/colloquy evaluate quality

fix: $(READY_TO_DEVELOP)  ## put the style right where a tool can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# torch goes first and alone: asked for by name, pip takes the CPU build where one is offered; left to the packages
# that depend on it, pip would choose the build with three gigabytes of CUDA.
$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Colloquy needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing);" \
	       "name another, for example: make run PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into .venv/ (a minute or a few the first time) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --quiet "$(TORCH)"
	$(PIP) install --quiet -r requirements.lock
	$(PIP) install --quiet --no-deps -e .
	@touch $@

$(READY_TO_DEVELOP): $(READY) requirements-dev.lock
	$(PIP) install --quiet -r requirements.lock -r requirements-dev.lock
	@touch $@

lock:  ## write both lock files anew, within the ranges of pyproject.toml
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet "$(TORCH)"
	build/lock/bin/python -m pip install --quiet .
	build/lock/bin/python -m pip freeze --exclude colloquy | sed 's/+cpu$$//' | LC_ALL=C sort -f > build/lock/run.txt
	{ grep '^torch==' build/lock/run.txt; grep -v '^torch==' build/lock/run.txt; } > requirements.lock
	build/lock/bin/python -m pip install --quiet -c requirements.lock '.[dev]'
	build/lock/bin/python -m pip freeze --exclude colloquy | sed 's/+cpu$$//' | LC_ALL=C sort -f \
	  | grep -vxFf requirements.lock > requirements-dev.lock

clean:  ## remove what can be made again (the virtual environment too); conversations and indexes in data/ stay
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

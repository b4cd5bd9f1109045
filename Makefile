# Everything happens in .venv; PYTHON names the interpreter it is made with (3.11 or later).
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

.PHONY: install
install: $(INSTALLED) ## Make .venv with the package and all its tools

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[flower,s3,embedded,dev]'
	@touch $@

.PHONY: demo
demo: $(INSTALLED) ## Start everything, import real results, show the runs, end
	$(BIN)/ibutsu demo tests/samples/*.xml

.PHONY: test
test: $(INSTALLED) ## Run the tests against real servers, but for faults that last
	$(BIN)/pytest --numprocesses auto -m 'not lasting_fault'

.PHONY: test-faults
test-faults: $(INSTALLED) ## Run the tests of faults three times, those that last too
	for run in 1 2 3; do $(BIN)/pytest --numprocesses 2 tests/integration/faults tests/ingest/test_killed_sweeps.py || exit 1; done

.PHONY: check
check: $(INSTALLED) docs ## Check style, types and documentation
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: docs
docs: $(INSTALLED) ## Build the documentation; warnings are errors
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs docs/_build

.PHONY: settings
settings: $(INSTALLED) ## Write docs/settings.rst from the settings models
	$(BIN)/python docs/settings_reference.py

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf .venv docs/_build .mypy_cache .pytest_cache .ruff_cache *.egg-info

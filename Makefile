# Two commands do everything on a machine with Python 3.11+, pip and make:
#   make demo    install, and migrate the ticket-triage example between two simulated models
#   make test    install, and pass the tests

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
RUN    ?= runs/demo

.PHONY: demo test check audit bench clean help

help:            ## what there is to make
	@grep -E '^[a-z0-9]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/  /'

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

demo: $(VENV)/.installed   ## install and run the main job on the offline models
	$(BIN)/promptport run optimizer/examples/triage/task.yaml --run-dir $(RUN)

test: $(VENV)/.installed-dev   ## install and pass the tests (end-to-end tests run where their tools are there)
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev   ## what a change must pass beside the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) --no-print-directory audit

audit: $(VENV)/.installed-dev   ## known weaknesses of what is installed, and a bill of it: build/sbom.json
	$(BIN)/python -m pip check
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --of JSON -o build/sbom.json $(BIN)/python
	$(BIN)/pip-audit --local --skip-editable --progress-spinner off --desc off

bench: $(VENV)/.installed-dev   ## measure, and write benchmarks/results/
	$(BIN)/python -m benchmarks

clean:           ## remove what make and runs have written
	rm -rf $(VENV) build *.egg-info runs

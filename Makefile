# The verbs of this project; people and CI call the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check bench soak fixtures screenshots clean
.DEFAULT_GOAL := help

help: ## List the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[alerts,redis,zstd]' --group test
	touch $@

demo: $(VENV)/.installed ## Simulate a training and open the dashboard on it
	$(BIN)/thalia-monitor demo --open

test: check ## Install what tests need, then run all of them
	scripts/install-test-tools
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(VENV)/.tested ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	if [ -x $(BIN)/biome ] || [ "$$CI" = true ]; then $(BIN)/biome check --error-on-warnings assets; fi
	$(BIN)/mypy

bench: $(VENV)/.tested ## Measure everything in docs/performance.md
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks

soak: $(VENV)/.tested ## Let an hour pass in minutes: does memory stay flat?
	$(BIN)/python -m benchmarks.soak

fixtures: $(VENV)/.installed ## Write fixtures/ anew from their seeded program
	$(BIN)/python -m fixtures.make

screenshots: $(VENV)/.tested ## Take the README's pictures from the demo
	$(BIN)/python scripts/screenshots.py

clean: ## Remove what the verbs above made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Everything a newcomer or CI runs. Python >= 3.11 and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
STAMP := $(VENV)/.installed
PACKAGES := notionscan tenants integrations audit scans

.PHONY: run test lint bench fuzz sabotage soak requirements

run: $(STAMP)
	@exec env PORT=$(PORT) $(BIN)/python -m notionscan.run

test: $(STAMP)
	@$(BIN)/python -m pytest

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(PACKAGES) manage.py
	@$(BIN)/lint-imports
	@$(BIN)/python -m notionscan.lint

# All figures, or some: make bench PARTS="gateway audit"
bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(PARTS)

# 10,000 requests made up from the API's own document, by two kinds of caller; fails on an error of ours.
fuzz: $(STAMP)
	@$(BIN)/python -m tests.fuzz

# Takes one guard away at a time, in copies of the code, and expects the tests to notice (about an hour).
sabotage: $(STAMP)
	@$(BIN)/python -m tests.sabotage

# The long ones: processes killed at random with many seeds, and sabotage.
soak: $(STAMP)
	@NOTIONSCAN_SOAK_SEEDS=20 $(BIN)/python -m pytest tests/soak
	@$(BIN)/python -m tests.sabotage

# Pins and hashes from the names in pyproject.toml.
requirements: $(STAMP)
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--strip-extras --no-header -o requirements.txt pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--strip-extras --no-header --extra dev --allow-unsafe -c requirements.txt \
		-o requirements-dev.txt pyproject.toml

$(STAMP): requirements.txt requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing dependencies into $(VENV) (once)..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $(STAMP)

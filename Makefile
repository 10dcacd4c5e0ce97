.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint fmt golden docs bench clean

PYTHON ?= python3
PY := .venv/bin/python

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: ## Make .venv and the emulator; says what is missing and how to get it
	@$(PYTHON) tools/setup.py

demo: setup ## Three cities from SQLite to Cosmos and back, on this machine
	@$(PY) tools/demo.py

test: ## All tests, always against the emulator
	@env -u COSMOS_ENDPOINT $(MAKE) -s setup && $(PY) -m pytest

test-all: setup ## All tests on each Python from 3.11 to 3.13 that is installed
	@$(PY) tools/test_all.py

lint: setup ## Style, types, and whether generated docs are fresh
	@$(PY) -m ruff check && $(PY) -m ruff format --check && $(PY) -m mypy && $(PY) tools/docs.py --check

fmt: setup ## Format the code
	@$(PY) -m ruff check --fix && $(PY) -m ruff format

golden: setup ## Write the golden texts of tests again; review the diff
	@UPDATE_GOLDEN=1 $(PY) -m pytest -q -k golden

docs: setup ## Write the generated parts of docs again
	@$(PY) tools/docs.py

bench: setup ## Speed and memory of each stage and of the whole
	@$(PY) -m bench

clean: ## End the demo's emulator; remove all that make and the demo made
	@$(PYTHON) tools/clean.py

# Set up, start and check llmrepl. A start that needs no set-up costs make nothing but a few stats.

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help setup run test check bench docs constraints clean moved

# ARGS goes to the program that a target starts: make run ARGS="--model groq/llama-3.3-70b-versatile"
# One that happens to be in the environment means something else.
ARGS =
unexport ARGS
python := .venv/bin/python

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1	\2/p' Makefile | expand -t 14

setup: .venv/ready ## make .venv/bin/llmrepl: the pinned packages, the project, the sandbox
	@echo "Ready: .venv/bin/llmrepl"

run: .venv/ready ## set up if need be, then start the chat
	@.venv/bin/llmrepl $(ARGS)

test: .venv/ready-dev ## run the checks and the whole suite
	@.ci/suite $(ARGS)

check: .venv/ready-dev ## format, lint, types, layers, docs, and full coverage of the core
	@.ci/check

bench: .venv/ready-dev ## measure against the floors
	$(python) -m tests.bench $(ARGS)

docs: .venv/ready-dev ## write the generated reference pages
	$(python) docs/generate.py $(ARGS)

constraints: .venv/ready ## pin all packages again (ARGS=--upgrade moves them)
	.ci/constraints $(ARGS)

clean: ## remove .venv and everything else that can be made again
	rm -rf .venv build dist *.egg-info .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name .git -prune -o -name __pycache__ -prune -exec rm -rf {} +

# Scripts name their interpreter by its full path, so a checkout that was moved is set up again.
ifneq ($(file <.venv/place),$(CURDIR))
.venv/ready .venv/ready-dev: moved
endif

.venv/ready: pyproject.toml constraints.txt .ci/setup
	@.ci/setup

.venv/ready-dev: pyproject.toml $(wildcard plugins/*/pyproject.toml) constraints-dev.txt .ci/readers.txt .ci/vendors.txt .ci/setup
	@.ci/setup dev

# Every target sets up what it needs first. Flags pass through: make bench ARGS="--users 20"
ARGS ?=
BIN := .venv/bin
GAINBENCH := $(BIN)/gainbench

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests bench ui null parity prove claims explain map faults test fuzz check audit lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  Flags pass through: make bench ARGS="--users 20"'

setup: ## make .venv from the lock and find or install a database server
	@tools/setup

setup-tests:
	@tools/setup --tests

bench ui null parity prove claims explain map faults: setup
	@$(GAINBENCH) $@ $(ARGS)

bench: ## measure the gain of the async app over the blocking one, and write the report
ui: ## the Locust web UI on all arms at once
null: ## measure one arm against itself: what the harness sees when there is nothing to see
parity: ## prove that all arms give the same answers
prove: ## try the harness against truths known in advance (about 20 minutes)
claims: ## try what books say of sync and async on the real apps
explain: ## say what the gain is made of, step by step (about 8 minutes)
map: ## draw where the gain begins and where it ends (about 15 minutes)
faults: ## make every part fail at every stage, and see what comes of it (about 80 minutes)

test: setup-tests ## run the tests (real database server, real browser)
	@$(BIN)/pytest $(ARGS)

fuzz: setup-tests ## hostile input for longer than the tests do
	@GAINBENCH_FUZZ=long $(BIN)/pytest tests/fuzz --timeout 3600 $(ARGS)

check: setup ## lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tools.check_compose

audit: setup ## licences of what the lock pins, and its known vulnerabilities
	@$(BIN)/python -m tools.audit

lock: ## renew the lock files from pyproject.toml (needs uv)
	uv pip compile pyproject.toml -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements.lock
	uv pip compile pyproject.toml -q --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -c requirements.lock -o requirements-dev.lock

clean: ## remove what was built and measured
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	[ ! -d reports ] || find reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name sample -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

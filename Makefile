# Everything a developer runs. `make` alone says what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.set-up
LOCKS := requirements-uv.lock requirements-dev.lock requirements.lock
CODE := src tests bench
# For `make test ARGS="-k name"`, `make serve ARGS="--port 8500"` and the like.
ARGS ?=
# Many tests wait for servers, so more of them at once than there are processors keep those busy.
WORKERS ?= 3

# Without byte code on disk every start compiles every import again, which takes two to three times as long.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo migration-page test test-gitea serve check bench bench-usage bench-findings soak lock format clean set-up

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

demo: $(STAMP)  ## Set up, start a server, run one session on a real repository, show what came out
	@$(BIN)/cogmill demo $(ARGS)

test: $(STAMP)  ## Run the whole test suite, on SQLite and on PostgreSQL
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) $(ARGS)

# The source of Gitea without its pages' scripts, which the API does not need.
GITEA := code.gitea.io/gitea@v1.24.6
.venv/gitea/gitea:
	@command -v go >/dev/null || { echo "Go 1.24 or newer is needed to build Gitea." >&2; exit 1; }
	rm -rf .venv/gitea
	cp -r "$$(go mod download -json $(GITEA) | $(PYTHON) -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')" .venv/gitea
	chmod -R u+w .venv/gitea
	cd .venv/gitea && go build -tags 'sqlite sqlite_unlock_notify' -o gitea .

test-gitea: $(STAMP) .venv/gitea/gitea  ## Build a real Gitea (ten minutes, needs Go) and run the tests that need one
	TEST_GITEA=$(CURDIR)/.venv/gitea/gitea $(BIN)/python -m pytest --numprocesses=0 tests/engine/test_real_gitea.py $(ARGS)

serve: $(STAMP)  ## Serve API, pages and engine on 127.0.0.1:8400
	@exec $(BIN)/cogmill serve $(ARGS)

check: $(STAMP)  ## Format, lint, strict types, import rules, contract
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/contract/test_contract.py tests/contract/test_legacy_contract.py tests/architecture

migration-page: $(STAMP)  ## Make docs/migration.md from the table of operations
	$(BIN)/python -m cogmill.api.legacy.guide > docs/migration.md

bench: $(STAMP)  ## Measure, and print one table of targets and results (ARGS=--write keeps it)
	@$(BIN)/python -m bench $(ARGS)

bench-usage: $(STAMP)  ## The same of consumption, metrics and lists over a million sessions; ARGS="--sessions 100000" is quicker
	@$(BIN)/python -m bench.usage $(ARGS)

bench-findings: $(STAMP)  ## The same of findings of code scans, a million of them; ARGS="--findings 100000" is quicker
	@$(BIN)/python -m bench.findings $(ARGS)

soak: $(STAMP)  ## Kill a busy server at random moments and count what was lost (bounded)
	@$(BIN)/python -m bench.soak $(ARGS)

format: $(STAMP)  ## Format, and repair what the linter can repair
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

COMPILE = $(CURDIR)/$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: .venv/.uv  ## Bring the locks up to date (releases younger than a week are left out)
	$(COMPILE) --upgrade pyproject.toml --group build --group dev -o requirements-dev.lock
	$(COMPILE) --upgrade pyproject.toml -c requirements-dev.lock -o requirements.lock
	echo uv | $(COMPILE) --upgrade - -o requirements-uv.lock
	@! grep -nE '^-|://' $(LOCKS) || { echo 'A lock must hold no address.' >&2; exit 1; }

clean:  ## Remove everything that was made here: environment, caches
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +

set-up: $(STAMP)  ## Only make .venv

.venv/.uv: requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; PYTHON=python3.x names another one." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.lock
	@touch $@

# From the root folder: the week that pyproject.toml makes new releases wait is a rule for making locks, not for
# installing them, and not every mirror of the package index tells the age that the rule needs.
$(STAMP): .venv/.uv $(LOCKS) pyproject.toml
	@here="$$PWD"; cd /; uv="$$here/$(BIN)/uv"; python="$$here/$(BIN)/python"; \
	  "$$uv" pip sync --quiet --python "$$python" --require-hashes --compile-bytecode "$$here/requirements-dev.lock"; \
	  "$$uv" pip install --quiet --python "$$python" --no-deps --no-build-isolation --no-index -e "$$here"; \
	  "$$python" -m compileall -q "$$here/src"
	@touch $@

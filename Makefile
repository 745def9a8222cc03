# Tocsin. `make run` and `make test` need Python 3.11 or newer and nothing else; they make their own .venv.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
INSTALL := requirements/install.sh
TEST_ARGS ?= -n auto --maxprocesses 4
HTTPS_SITE := DATABASE_URL=postgresql://tocsin@127.0.0.1:1/tocsin DATABASE_POOL=0 PUBLIC_URL=https://tocsin.example.org \
	EMAIL_URL=smtp+tls://mail.example.org:587 	SECRET_KEY=only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG

.PHONY: help run test check bench chaos format lock clean

help:  ## Show these lines
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run:  ## Install what is needed and run Tocsin on http://127.0.0.1:8000 (PORT, DATA_DIR, DEMO=0; see .env.example)
	@$(INSTALL) run
	@$(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@exec $(BIN)/python manage.py up

test:  ## Install what is needed and run the tests (TEST_ARGS="-n 0 tests/oncall" for some of them)
	@$(INSTALL) dev
	$(BIN)/python -m pytest $(TEST_ARGS)

check:  ## Everything that CI checks: format, lint, types, imports, templates, migrations, deployment, tests
	@$(INSTALL) dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint --quiet templates
	$(HTTPS_SITE) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(HTTPS_SITE) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(MAKE) test

bench:  ## Measure: intake, engine, paging, live streams, pages, rota (some ten minutes; decides nothing)
	@$(INSTALL) dev
	@$(BIN)/python -W ignore -m tests.bench

chaos:  ## Break things while real processes work and count what was lost (CHAOS="--quick"; --list names the faults)
	@$(INSTALL) dev
	@$(BIN)/python -W ignore -m tests.chaos $(CHAOS)

format:  ## Put the code in its usual form
	@$(INSTALL) dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## Resolve requirements/*.in anew into the lock files (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 -q requirements/run.in -o requirements/run.lock
	uv pip compile --universal --generate-hashes --python-version 3.11 -q -c requirements/run.lock requirements/dev.in -o requirements/dev.lock

clean:  ## Remove what was made here, but never the data
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .import_linter_cache .hypothesis tests/artifacts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

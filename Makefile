# `make run` and `make test` work from nothing but Python 3.11+, Java 17, the gcloud emulator
# components and Node. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
BQ := .venv-bigquery
PAGE := clients/web/dist/index.html
WORKERS ?= 2
# Bytecode is written as modules are imported: compiling all of pulumi_gcp would cost 150 MB.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test test-slow check tools setup page lock golden verify api-docs clean

help:
	@echo "make run [ONCE=1] [FRESH=1] [PORT=n]   the whole local cloud, a demo library, a player"
	@echo "make test | test-slow | check          tests, slow tests, ruff and pyright"
	@echo "make page | lock | golden | clean      player page, pins, golden graphs, remove all made"
	@echo "make verify [STACK=prod]               check stacks before pulumi up, without a cloud"
	@echo "make api-docs                          the OpenAPI documents in docs/api"

run: tools setup
	@$(PY) -m emulators --demo $(if $(ONCE),--once) $(if $(FRESH),--fresh) $(if $(PORT),--port $(PORT))

test: setup $(VENV)/.dev clients/web/node_modules/.dev
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-slow: setup $(VENV)/.dev clients/web/node_modules/.dev
	@$(PY) -m pytest -m slow -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: setup $(VENV)/.dev clients/web/node_modules/.dev
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@clients/web/node_modules/.bin/pyright --pythonpath $(PY)

# What is missing is told at once, before anything is fetched. Docker can stand in for two of them.
tools:
	@all=yes; \
	lacks() { echo "needs $$*"; all=; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| lacks "Python 3.11 or newer: apt-get install python3 python3-venv, or PYTHON=..."; \
	command -v npm >/dev/null || [ -f $(PAGE) ] \
		|| lacks "Node 20 and npm: apt-get install nodejs npm, or https://nodejs.org"; \
	command -v docker >/dev/null || { \
		command -v java >/dev/null || [ -x "$${JAVA_HOME:-/none}/bin/java" ] \
			|| lacks "Java 17 or newer: apt-get install openjdk-17-jre-headless"; \
		command -v gcloud >/dev/null \
			|| lacks "gcloud: https://cloud.google.com/sdk/docs/install, then its components" \
				"cloud-firestore-emulator and pubsub-emulator"; \
	}; \
	[ -n "$$all" ]

setup: $(VENV)/.done $(BQ)/.done page

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "needs Python 3.11 or newer: apt-get install python3 python3-venv, or PYTHON=..."; exit 1; }
	@echo "making the virtual environment"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install -q --disable-pip-version-check uv==0.13.8
	@touch $@

$(VENV)/.done: $(VENV)/.uv requirements.txt
	@echo "installing requirements"
	@$(VENV)/bin/uv pip install -q --python $(PY) -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.done requirements-dev.txt
	@echo "installing test requirements"
	@$(VENV)/bin/uv pip install -q --compile-bytecode --python $(PY) -r requirements-dev.txt
	@touch $@

# The BigQuery emulator pins what conflicts with ours, so it lives apart.
$(BQ)/.done: $(VENV)/.uv emulators/requirements-bigquery.txt
	@echo "installing the BigQuery emulator"
	@$(PYTHON) -m venv --without-pip $(BQ)
	@$(VENV)/bin/uv pip install -q --python $(BQ)/bin/python -r emulators/requirements-bigquery.txt
	@touch $@

clients/web/node_modules/.done: clients/web/package-lock.json
	@command -v npm >/dev/null || { echo "needs Node 20 and npm: apt-get install nodejs npm, or https://nodejs.org"; exit 1; }
	@echo "installing the player's packages"
	@cd clients/web && npm ci --silent --no-audit --no-fund --omit=dev
	@touch $@

clients/web/node_modules/.dev: clients/web/node_modules/.done
	@cd clients/web && npm ci --silent --no-audit --no-fund
	@touch clients/web/node_modules/.done && touch $@

page: $(PAGE)

$(PAGE): clients/web/node_modules/.done clients/web/build.mjs $(shell find clients/web/src -type f 2>/dev/null)
	@cd clients/web && npm run --silent build

lock: $(VENV)/.uv
	@$(VENV)/bin/uv pip compile -q --no-header requirements.in -o requirements.txt
	@$(VENV)/bin/uv pip compile -q --no-header requirements-dev.in -o requirements-dev.txt
	@$(VENV)/bin/uv pip compile -q --no-header emulators/requirements-bigquery.in -o emulators/requirements-bigquery.txt

verify: setup $(VENV)/.dev
	@$(PY) -m emulators.verify $(STACK)

golden: setup $(VENV)/.dev
	@$(PY) -m tests.infra.golden

api-docs: setup $(VENV)/.dev
	@$(PY) -m tests.api_docs

clean:
	@rm -rf $(VENV) $(BQ) .local .build clients/web/node_modules clients/web/dist

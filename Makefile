# The developer's manual: `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CONFORMANCE ?= ../shared/conformance
T ?=
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lint types plan goldens manual fuzz-tools bench stream-gib load image-check gateway-soak coverage compare-rows isolation conformance mcp-conformance driver-suites kill-cycles lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | column -t -s "$$(printf '\t')"

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt pip
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[all,pglast]' --group dev
	@touch $@

setup: $(STAMP)  ## create .venv and install everything the targets need

demo: $(STAMP)  ## the main job, end to end, on the embedded engine
	@$(BIN)/mcp-arangodb-async demo

test: $(STAMP)  ## the tests; T=<path or -k expression> runs some of them
	@tests/install_programs.sh $(VENV)/npm
	$(BIN)/python -m pytest $(if $(T),$(T),-n $(WORKERS) --dist loadfile --no-loadscope-reorder)

check: format lint types plan test  ## what CI runs, in the same order

format: $(STAMP)  ## is everything formatted (ruff format fixes)
	$(BIN)/ruff format --check .

lint: $(STAMP)  ## ruff
	$(BIN)/ruff check .

types: $(STAMP)  ## pyright, strict
	$(BIN)/pyright

plan: $(STAMP)  ## the house plan: rooms, imports, budgets
	$(BIN)/python -m pytest -q tests/test_architecture.py

goldens: $(STAMP)  ## rewrite goldens and snapshots, for review as a diff
	$(BIN)/python -m pytest -q tests --update

manual: $(STAMP)  ## write the manual's pages about tools from the code
	$(BIN)/python -m pytest -q tests/test_tool_manual.py --update

fuzz-tools: $(STAMP)  ## call every tool with generated arguments, many times; N=<examples for each>
	FUZZ_TOOLS_EXAMPLES=$(if $(N),$(N),500) $(BIN)/python -m pytest -q tests/unit/tools/test_fuzz.py

bench: $(STAMP)  ## named measurements, each a ratio within one run
	$(BIN)/python -m bench

stream-gib: $(STAMP)  ## stream a gibibyte from each engine, watching the server's memory; MIB=<other size>
	$(BIN)/python -m bench.stream $(if $(MIB),--mib $(MIB))

load: $(STAMP)  ## a hundred sessions at once over HTTP, and one database that hangs
	$(BIN)/python -m bench.load

compare-rows: $(STAMP)  ## a million rows of PostgreSQL compared with MariaDB's, against what was made; N=<rows>
	$(BIN)/python -m bench.compare_rows --rows $(if $(N),$(N),1000000)

isolation: $(STAMP)  ## calls of four tenants, four roles and all their tools, looking for leaks; N=<calls>
	ISOLATION_CALLS=$(if $(N),$(N),1000000) $(BIN)/python -m pytest -q -s tests/interaction/test_isolation.py

gateway-soak: $(STAMP)  ## calls of 200 tenants through the gateway; memory must stay flat; N=<calls>
	$(BIN)/python -m bench.gateway --soak $(if $(N),$(N),1000000)

coverage: $(STAMP)  ## branch coverage of gateway/ by its own tests; under 90 % fails
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q tests/unit/gateway tests/interaction/test_tenants.py tests/interaction/test_tenants_upstreams.py
	$(BIN)/coverage report --include='mcp_arangodb_async/gateway/*' --skip-covered --fail-under=90

image-check: $(STAMP)  ## build as docker/Dockerfile says in a fresh virtual environment, and run its commands
	$(BIN)/python -m bench.image

conformance: $(STAMP)  ## run ArangoDB's published expectations against the engine, over HTTP
	$(BIN)/python -m bench.conformance --kit $(CONFORMANCE)

mcp-conformance: $(STAMP)  ## run the protocol's official conformance suite against our HTTP server (needs npm)
	$(BIN)/python -m bench.mcp_conformance

driver-suites: $(STAMP)  ## run the official drivers' own test suites against the engine
	$(BIN)/python -m bench.driver_suites

kill-cycles: $(STAMP)  ## kill a writing process again and again and look at what it left; N=<times>
	$(BIN)/python -m bench.kill --cycles $(if $(N),$(N),10000)

lock: $(STAMP)  ## write constraints.txt from what is installed
	$(BIN)/python -m pip freeze --all --exclude-editable --exclude setuptools > constraints.txt

clean:  ## remove .venv and everything generated
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist

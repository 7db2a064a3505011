# Every target is one command of tools/cli.py, which the bootstrap installs first. Variables: APP, APPS, PR, ROLE, RESET,
# BASE, ENV, YES.
SHELL := /bin/sh
PYTHON ?= python3
NO_PYTHON = ✗ $(PYTHON) was not found. Install Python 3.11 or newer (apt install python3), or name it: make PYTHON=/path
RUN = @command -v $(PYTHON) >/dev/null || { echo "$(NO_PYTHON)" >&2; exit 1; }; $(PYTHON) tools/bootstrap.py
ENV ?= local

.PHONY: help run doctor privileges up down destroy pr pr-down verify check-migration sweep status psql env demo-data explain snapshot refresh dump restore \
        test test-all check test-unit test-database test-engine test-kubernetes test-promtool bench bench-branching bench-base \
        cluster cluster-down docs format

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: ## the local environment, all the way to applications that can connect
	$(RUN) up $(ENV)
down: ## stop the servers, keep the data
	$(RUN) down
destroy: ## remove all of the local environment (asks; YES=1 doesn't)
	$(RUN) destroy $(ENV) $(if $(YES),--yes)
pr: ## PR=123 [APPS=city-api,docspell] [CONTENT=synthetic] [RESET=1] [TAG=sha-1a2b3c4]: a pull request's own copy of the data
	$(RUN) pr "$(PR)" --base $(or $(BASE),$(ENV)) $(if $(APPS),--apps "$(APPS)") \
	  $(if $(CONTENT),--content "$(CONTENT)") $(if $(RESET),--reset) $(if $(REOPEN),--reopen) $(if $(TAG),--tag "$(TAG)")
pr-down: ## PR=123: nothing of it is left
	$(RUN) pr-down "$(PR)"
verify: ## PR=123 [APP=city-api]: what a pull request changed in the definitions
	$(RUN) verify "$(PR)" $(if $(APP),--app "$(APP)")
check-migration: ## PR=123 CMD='alembic upgrade head' [APP=city-api]: what it locks and rewrites, on the copy
	$(RUN) check-migration "$(PR)" "$(CMD)" $(if $(APP),--app "$(APP)") $(if $(SECONDS),--threshold "$(SECONDS)")
sweep: ## GITHUB=owner/name or OPEN=file [APPLY=1]: what no open pull request needs goes; a plan without APPLY
	$(RUN) sweep --env $(ENV) $(if $(GITHUB),--github "$(GITHUB)") $(if $(OPEN),--open-file "$(OPEN)") \
	  $(if $(SHARE),--largest-share "$(SHARE)") $(if $(EMPTY),--allow-empty) $(if $(APPLY),--apply)
run: ## ENV=dev APP=city-api CMD='alembic history' [TAG=v1]: once, in its image with its Secrets, in the cluster
	$(RUN) run "$(APP)" "$(CMD)" --env $(ENV) $(if $(TAG),--tag "$(TAG)")
doctor: ## ENV=dev [APP=city-api] [JSON=1]: what is wrong in the cluster, and the command to type next; status 1 with faults
	$(RUN) doctor --env $(ENV) $(if $(APP),--app "$(APP)") $(if $(JSON),--json)
privileges: ## ENV=dev APP=city-api: its roles, database and grants in the cluster once more, as the settings have them
	$(RUN) privileges "$(APP)" --env $(ENV)
status: ## environments, pull requests, applications, databases, sizes, ages
	$(RUN) status
psql: ## APP=city-api [PR=123] [ROLE=ro]: a session in its database
	$(RUN) psql "$(APP)" $(if $(PR),--pr "$(PR)") $(if $(ROLE),--role "$(ROLE)") --env $(ENV)
env: ## prints variables; eval them, and plain pulumi works in this shell
	$(RUN) env
demo-data: ## the communes of France in city_api, by its migrations
	$(RUN) demo-data
explain: ## APP=city-api [WRITE=1]: a masking rule for every column of its database, proposed
	$(RUN) explain "$(APP)" --env $(ENV) $(if $(WRITE),--write)
snapshot: ## APP=city-api: a new masked snapshot for pull requests to come
	$(RUN) snapshot "$(APP)" --env $(ENV) $(if $(CONTENT),--content "$(CONTENT)")
refresh: ## new snapshots where the data is older than snapshots.maxAge, for a schedule
	$(RUN) refresh --env $(ENV)
dump: ## APP=genesis [TO=file]: a backup of its database
	$(RUN) dump "$(APP)" $(if $(TO),--to "$(TO)") --env $(ENV)
restore: ## APP=genesis FROM=file: put a backup back (asks; YES=1 doesn't)
	$(RUN) restore "$(APP)" --from "$(FROM)" $(if $(YES),--yes) --env $(ENV)

cluster: ## [WITH=backup,external-secrets]: a throw-away Kubernetes with CloudNativePG on this machine; docs/cluster.md
	$(RUN) cluster $(if $(WITH),--with "$(WITH)")
cluster-down: ## [KEEP=1]: stop it; its data go as well, without KEEP
	$(RUN) cluster-down $(if $(KEEP),--keep)

test: ## check, unit, database and engine tiers
	$(RUN) test
test-all: ## also the long tests, the kubernetes and promtool tiers, and the database tier on PostgreSQL 15, 16 and 17
	$(RUN) test --all
check: ## format, lint, types, imports, dead code
	$(RUN) test --tier check
test-unit test-database test-engine test-kubernetes test-promtool: ## one tier
	$(RUN) test --tier $(@:test-%=%)
docs: ## the tables of docs/settings.md, from the models
	$(RUN) docs
bench: ## the figures of docs/benchmarks.md
	$(RUN) bench
bench-branching: ## the same for snapshots and branches (about half an hour, 40 GB of disk)
	$(RUN) bench --what branching
bench-base: ## what the live database notices of all that (about ten minutes)
	$(RUN) bench --what base
format: ## ruff's format and safe fixes
	$(RUN) format

# `make` alone lists the targets. Each installs what it lacks and can be run twice.

.PHONY: help run dev test lint e2e soak bench build clean

help: ## list the targets
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | expand -t 9

run: ## build the optimised program and serve it on 127.0.0.1:3000 (PORT, DATA_DIR, DATABASE_URL)
	@scripts/run.sh

dev: ## debug build that rebuilds and reloads on every change
	@scripts/dev.sh

test: ## everything: lint, tests on both databases, Chromium
	@scripts/test.sh

lint: ## format, clippy on both targets, rustdoc, dependencies, TypeScript
	@scripts/lint.sh

e2e: ## the browser tests alone (ARGS='book.spec.ts --project desktop')
	@scripts/e2e.sh $(ARGS)

soak: ## two-way sync in full size: 50 members, 750,000 events, 1,000 changes (MERIDIAN_SOAK_SEED, …)
	@scripts/soak.sh

bench: ## the figures of the budget table
	@scripts/bench.sh

build: ## the optimised program only: target/meridian and target/site
	@scripts/build.sh

clean: ## remove what was built here (not the shared cache, not ./data)
	rm -rf target node_modules end2end/test-results end2end/playwright-report end2end/screenshots

# make up and make test do all their own set-up; make help lists everything.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# A catalog name, the path of a GGUF file, or hf:owner/repo/file.gguf
MODEL ?=
# Further flags of the command, as in: make up ARGS="--port 9000 --slots 8"
ARGS ?=

NODE_MODULES := node_modules/.package-lock.json
BUILD := dist/.tsbuildinfo
SOURCES := $(shell find src -name '*.?ts' -o -name '*.ts') tsconfig.json tsconfig.build.json

.PHONY: help
help: ## List the targets
	@echo "usage: make <target>"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make up MODEL=<name|path|hf:owner/repo/file.gguf> ARGS='--port 9000'"
	@echo "  MODEL and ARGS are for up and model, ARGS for status, too; after make build:"
	@echo "  npx ai-cluster --help lists all commands, npx ai-cluster up --help the flags of one"

.PHONY: up
up: $(BUILD) ## Install, build, get the model, and run the cluster until Ctrl-C
	@exec node dist/cli/main.cjs up $(if $(MODEL),--model '$(MODEL)') $(ARGS)

.PHONY: test
test: $(BUILD) ## Format, lint, types and all tests
	@npm run --silent check

.PHONY: build
build: $(BUILD) ## Compile src/ to dist/

.PHONY: model
model: $(BUILD) ## Download the default model (or MODEL=...) into models/
	@exec node dist/cli/main.cjs models pull $(or $(MODEL),smollm2-135m-instruct) $(ARGS)

.PHONY: status
status: $(BUILD) ## Show the nodes of the running cluster
	@exec node dist/cli/main.cjs status $(ARGS)

.PHONY: monitoring
monitoring: metrics grafana ## Start both of the following

.PHONY: metrics
metrics: ## Start Prometheus on 127.0.0.1:9090 for the cluster that runs here (docs/deploy.md)
	@deploy/monitoring/monitoring.sh start prometheus

.PHONY: grafana
grafana: ## Start Grafana on 127.0.0.1:3001 with the dashboards
	@deploy/monitoring/monitoring.sh start grafana

.PHONY: monitoring-stop
monitoring-stop: metrics-stop grafana-stop ## Stop both

.PHONY: metrics-stop
metrics-stop: ## Stop the Prometheus that make metrics started
	@deploy/monitoring/monitoring.sh stop prometheus

.PHONY: grafana-stop
grafana-stop: ## Stop the Grafana that make grafana started
	@deploy/monitoring/monitoring.sh stop grafana

.PHONY: metrics-check
metrics-check: ## Tell whether every process tells its metrics and Prometheus reads them
	@node deploy/monitoring/checkMetrics.mjs

.PHONY: bench
bench: $(BUILD) ## Measure what the controller adds to a request, beside other gateways (docs/benchmarks.md)
	@npm run --silent bench:gateway -- $(ARGS)

.PHONY: bench-engine
bench-engine: $(BUILD) ## Measure the worker beside node-llama-cpp and llama-server (bench/README.md)
	@npm run --silent bench:engine -- $(ARGS)

.PHONY: format
format: $(NODE_MODULES) ## Rewrite all files in the project's format
	@npm run --silent format:fix

.PHONY: clean
clean: ## Remove what was built and installed; models and logs stay
	rm -rf dist dist-bench coverage node_modules

$(NODE_MODULES): package.json package-lock.json
	@command -v node >/dev/null || { echo "Node.js 20.19 or newer is needed: https://nodejs.org" >&2; exit 1; }
	@command -v npm >/dev/null || { echo "npm is needed; it comes with Node.js: https://nodejs.org" >&2; exit 1; }
	@echo "Installing packages (the first time takes a minute; llama.cpp comes prebuilt, about 700 MB with its GPU variants) ..."
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BUILD): $(NODE_MODULES) $(SOURCES)
	@echo "Compiling ..."
	@npm run --silent build
	@touch $@

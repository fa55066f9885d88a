# The targets that are not the build itself. Included by the root Makefile; uses its variables.

JOBS ?= $(shell nproc)

.PHONY: help
help: ## this list
	@grep -hE '^(suite_[a-z-]+ =|[a-z][a-z-]*:).*## ' $(filter-out %.d,$(MAKEFILE_LIST)) | \
		sed -E 's/^suite_([a-z-]+) =/check-\1:/; s/:.*## /\t/' | sort -u | expand -t 20

.PHONY: setup-build
setup-build:
	@scripts/setup build

.PHONY: format
format: ## rewrite the C sources with clang-format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

.PHONY: analyze
analyze: ## gcc -fanalyzer, clang-tidy and cppcheck over the sources: build/report/analyze.txt
	@scripts/analyze

.PHONY: install
install: ## the executables to $(DESTDIR)$(PREFIX)/bin, a systemd unit and completions beside them
	@MODE=$(MODE) scripts/install "$(DESTDIR)" "$(PREFIX)" install

.PHONY: uninstall
uninstall: ## remove what install put there
	@MODE=$(MODE) scripts/install "$(DESTDIR)" "$(PREFIX)" uninstall

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

# SPDX-License-Identifier: GPL-2.0-only
#
# What the Makefiles of the test folders share.  These set, in kselftest's words:
#
#   TEST_GEN_PROGS   programs, built into $(OUTPUT) by the Makefile of the top
#                    folder
#   TEST_PROGS       scripts
#
# The programs of the level "soak" are not among them: they have no end of
# their own.

top := $(abspath ../..)
folder := $(notdir $(CURDIR))
OUTPUT := $(top)/build/selftests/$(folder)
RUNNER := $(top)/build/kselftest

# $(call programs,FOLDER): those that end by themselves.
programs = $(shell awk '$$1 ~ "^$(1)/[^/]*$$" && $$2 != "soak" { \
	sub(".*/", "", $$1); print $$1 }' $(top)/selftests/levels)

all:
	@$(MAKE) -s -C $(top) tool build/kselftest/stamp \
		$(TEST_GEN_PROGS:%=build/selftests/$(folder)/%) $(TEST_GEN_FILES)

# kselftest's runner takes "settings" from beside the programs.
run_tests: all
	@ln -sfn $(RUNNER)/kselftest $(OUTPUT)/../kselftest
	@cp settings $(OUTPUT)
	@cd $(OUTPUT) && BASE_DIR=$(abspath $(OUTPUT)/..) && \
		. $(RUNNER)/kselftest/runner.sh && run_many \
		$(TEST_GEN_PROGS) $(TEST_PROGS:%=$(CURDIR)/%)

clean:
	rm -rf $(OUTPUT)

.PHONY: all run_tests clean

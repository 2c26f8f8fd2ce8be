# SPDX-License-Identifier: GPL-2.0-only
#
# tmem: library, tool, kernel module and tests.  `make help` lists the targets.
# All products lie below build/; the module's object list is in Kbuild.
#
# Only `make run`, `make check`, `make check-full`, `make soak`, `make lint`,
# `make vm`, `make bench` and `make bench-kmod` install packages or fetch kernels
# (tools/build/*.sh).

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
# Where systemd looks, wherever PREFIX is.  Empty: not installed.
UDEVDIR ?= /usr/lib/udev/rules.d
SYSUSERSDIR ?= /usr/lib/sysusers.d

B := build
VERSION := $(shell sed -n 's/^\#define TMEM_VERSION "\(.*\)"/\1/p' \
	include/tmem/version.h)

# Words for the quiet build; V=1 shows the commands.
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
MAKEFLAGS += --no-print-directory
endif

# Kbuild takes its compiler from the kernel's headers, not from CC=... here.
MAKEOVERRIDES :=

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all lib tool tests debug-programs plain modules run check check-full soak bench \
	bench-kmod \
	bench-programs bench-analytics bench-cache bench-leaks bench-predict \
	bench-reaction bench-seed vm lint \
	format-check install clean help FORCE

all: lib tool modules

# --- library ----------------------------------------------------------------

WARN := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes
INC := -Iinclude -Iinclude/uapi -Iinclude/internal -Ilib
# The symbol map alone says what is exported: the headers, which programs
# include, need no visibility attributes, and the linker binds all calls inside.
# Call sites are found by frame pointers.  Functions that call none need none.
FRAMES := -fno-omit-frame-pointer -momit-leaf-frame-pointer
# No vectors for neighbouring counters: a wide load behind two narrow stores
# waits until these are in the cache.
LIB_CFLAGS := -std=gnu11 $(WARN) -fPIC -fno-semantic-interposition \
	-fno-tree-slp-vectorize $(FRAMES) $(INC)
LIB_LDLIBS := -lnuma -lmnl -lxxhash -lzstd -lm -lpthread
DEP = -MMD -MP -MF $(@:.o=.d)

lib_src := $(wildcard lib/*.c lib/*/*.c)
lib_obj := $(lib_src:%.c=$(B)/obj/%.o)

lib: $(B)/libtmem.so $(B)/libtmem.a $(B)/tmem.pc

# What the objects were built with; a change of flags rebuilds them.
flags = $(CC) $(CFLAGS) $(LDFLAGS) $(LIB_CFLAGS) $(TOOL_CFLAGS) \
	$(TEST_CFLAGS) $(SAN_asan) $(SAN_tsan)
$(B)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(flags)' | cmp -s - $@ || echo '$(flags)' >$@

$(B)/obj/lib/%.o: lib/%.c $(B)/obj/flags
	$(say) CC lib/$*.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIB_CFLAGS) $(CFLAGS) $(DEP) -c -o $@ $<

$(B)/libtmem.a: $(lib_obj)
	$(say) AR $(@F)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/libtmem.so.0: $(lib_obj) lib/libtmem.map
	$(say) LD $(@F)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libtmem.so.0 -Wl,-z,nodelete \
		-Wl,--version-script=lib/libtmem.map -Wl,-z,defs \
		-Wl,-Bsymbolic-functions \
		-o $@ $(lib_obj) $(LIB_LDLIBS)

$(B)/libtmem.so: $(B)/libtmem.so.0
	@ln -sfn libtmem.so.0 $@

# Where it says the library is; another PREFIX makes another file.
$(B)/obj/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX) $(LIBDIR)' | cmp -s - $@ || \
		echo '$(PREFIX) $(LIBDIR)' >$@

$(B)/tmem.pc: lib/tmem.pc.in include/tmem/version.h Makefile $(B)/obj/prefix
	$(say) GEN $(@F)
	@mkdir -p $(@D)
	$(Q)sed -e 's:@PREFIX@:$(PREFIX):g' -e 's:@LIBDIR@:$(LIBDIR):g' \
		-e 's:@VERSION@:$(VERSION):g' $< >$@

# --- tool -------------------------------------------------------------------

TOOL_CFLAGS := -std=gnu11 $(WARN) $(INC)
TOOL_LDLIBS := -lzstd -ljson-c -lncursesw -ltinfo -lnuma -ldw -lelf -liberty \
	-lpthread

tool_src := $(wildcard tools/tmemctl/*.c)
tool_obj := $(tool_src:%.c=$(B)/obj/%.o) $(B)/obj/gen/report_page.o

tool: $(if $(tool_src),$(B)/tmemctl)

$(B)/obj/tools/%.o: tools/%.c $(B)/obj/flags
	$(say) CC tools/$*.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) $(CFLAGS) $(DEP) -c -o $@ $<

# The page of `tmemctl report --html`, as C.
$(B)/gen/report_page.c: tools/build/page.sh $(wildcard tools/tmemctl/page/*)
	$(say) GEN $(@F)
	@mkdir -p $(@D)
	$(Q)tools/build/page.sh >$@

$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/obj/flags
	$(say) CC gen/$*.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) -Itools $(CFLAGS) $(DEP) -c -o $@ $<

$(B)/tmemctl: $(tool_obj) $(B)/libtmem.so
	$(say) LD $(@F)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib' -o $@ \
		$(tool_obj) -L$(B) -ltmem $(TOOL_LDLIBS)

# --- tests ------------------------------------------------------------------

# The harness leaves parameters unused and is not ours to change.
TEST_CFLAGS := -std=gnu11 $(WARN) -Wno-unused-parameter -Wno-missing-field-initializers $(INC) -Iselftests \
	-isystem build/kselftest
KSELFTEST := build/kselftest/stamp

ktest := $(patsubst selftests/%.c,$(B)/selftests/%,\
	$(wildcard selftests/kmod/*.c))
# Faults are injected into it, on the debug kernel.
dtest := $(B)/selftests/debug/failnth
ltest_name := $(patsubst selftests/lib/%.c,%,$(wildcard selftests/lib/*.c))
ltest := $(foreach kind,lib lib-asan lib-tsan,\
	$(ltest_name:%=$(B)/selftests/$(kind)/%))

# What tests of the tool preload.
ttest := $(patsubst selftests/%.c,$(B)/selftests/%.so,\
	$(wildcard selftests/tool/*.c))

tests: $(ktest) $(ltest) $(ttest) bench-programs

# What `make check-full` builds with each compiler.
plain: lib tool $(ktest) $(ttest) $(dtest) $(B)/bench/kmod bench-programs \
	$(ltest_name:%=$(B)/selftests/lib/%)

$(KSELFTEST): tools/build/kselftest.sh
	$(say) EXTRACT kselftest
	$(Q)tools/build/kselftest.sh $(@D)
	@touch $@

$(B)/selftests/kmod/%: selftests/kmod/%.c $(B)/obj/flags $(KSELFTEST)
	$(say) CC selftests/kmod/$*
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d \
		-o $@ $< -lpthread

failnth_src := $(wildcard selftests/debug/failnth*.c)
$(B)/selftests/debug/failnth: $(failnth_src) selftests/debug/failnth.h \
		$(wildcard include/uapi/linux/*.h) $(B)/obj/flags
	$(say) CC $(@:$(B)/%=%)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(failnth_src)

$(B)/selftests/tool/%.so: selftests/tool/%.c $(B)/obj/flags
	$(say) CC $(@:$(B)/%=%)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $(@:.so=.d) \
		-fPIC -shared -o $@ $<

$(B)/selftests/lib/%: selftests/lib/%.c $(B)/libtmem.a $(B)/obj/flags \
		$(KSELFTEST)
	$(say) CC selftests/lib/$*
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d \
		-o $@ $< $(B)/libtmem.a $(LIB_LDLIBS)

# The same tests with a library built for each sanitizer.
SAN_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
SAN_tsan := -fsanitize=thread -fno-omit-frame-pointer

define sanitizer
$(B)/obj-$(1)/lib/%.o: lib/%.c $(B)/obj/flags
	$$(say) CC "lib/$$*.o ($(1))"
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LIB_CFLAGS) $$(CFLAGS) $$(SAN_$(1)) $$(DEP) -c -o $$@ $$<

$(B)/obj-$(1)/libtmem.a: $$(lib_src:%.c=$(B)/obj-$(1)/%.o)
	$$(say) AR "$$(@F) ($(1))"
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^

$(B)/selftests/lib-$(1)/%: selftests/lib/%.c $(B)/obj-$(1)/libtmem.a \
		$(B)/obj/flags $$(KSELFTEST)
	$$(say) CC selftests/lib-$(1)/$$*
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(TEST_CFLAGS) $$(CFLAGS) $$(SAN_$(1)) $$(LDFLAGS) \
		-MMD -MP -MF $$@.d -o $$@ $$< $(B)/obj-$(1)/libtmem.a \
		$$(LIB_LDLIBS)
endef
$(eval $(call sanitizer,asan))
$(eval $(call sanitizer,tsan))

# --- benchmarks --------------------------------------------------------------

bench_kmod_src := $(wildcard tools/bench/kmod*.c)

$(B)/bench/kmod: $(bench_kmod_src:%.c=$(B)/obj/%.o)
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

# One program runs the benchmark of the library (build/bench/alloc); the
# others measure, one heap each: libtmem, malloc, and none.
bench_work_src := $(wildcard tools/bench/alloc_work*.c) tools/bench/alloc_pack.c
bench_src := $(filter-out $(bench_work_src),$(wildcard tools/bench/alloc*.c)) \
	tools/bench/alloc_pack.c
bench_shared := $(patsubst %,$(B)/obj/tools/tmemctl/%.o,\
	trace story lines fields pages json)
bench_alloc := $(patsubst %,$(B)/bench/alloc%,\
	$(if $(bench_src), -tmem -malloc -none))

# Compilers know malloc() and free(), and leave out what has no effect.
$(B)/bench/alloc-%: $(bench_work_src) $(wildcard tools/bench/alloc_*.h) \
		$(B)/libtmem.so $(B)/obj/flags
	$(say) CC bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) -fno-builtin $(CFLAGS) $(LDFLAGS) \
		$(if $(filter tmem,$*),-DHEAP_TMEM) \
		$(if $(filter none,$*),-DHEAP_NONE) \
		-Wl,-rpath,'$$ORIGIN/..' -o $@ $(bench_work_src) \
		$(if $(filter tmem,$*),-L$(B) -ltmem) -lpthread

$(B)/bench/alloc: $(bench_src:%.c=$(B)/obj/%.o) $(bench_shared)
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lzstd -ljson-c -lm

# Replays as tmemctl does.
bench_analytics := $(B)/obj/tools/bench/analytics.o \
	$(patsubst %,$(B)/obj/tools/tmemctl/%.o,\
	replay crew cost progress say trace story lines fields pages units)

$(B)/bench/analytics: $(bench_analytics) $(B)/libtmem.so
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' -o $@ \
		$(bench_analytics) -L$(B) -ltmem -lzstd -lpthread

# The monitor's; with the library inside, for it runs the predictor alone, too.
bench_reaction_src := $(wildcard tools/bench/reaction*.c)

$(B)/bench/reaction: $(bench_reaction_src:%.c=$(B)/obj/%.o) $(B)/libtmem.a
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LDLIBS)

# The optimizer's; with the library inside, for it runs the learner alone, too.
bench_predict_src := $(wildcard tools/bench/predict*.c)
bench_predict_shared := $(patsubst %,$(B)/obj/tools/tmemctl/%.o,\
	replay crew cost progress say trace story lines fields pages units)

$(B)/bench/predict: $(bench_predict_src:%.c=$(B)/obj/%.o) \
		$(bench_predict_shared) $(B)/libtmem.a
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LDLIBS) -lm

# The tensor cache: policies, compression and the library's own.
bench_cache_src := $(wildcard tools/bench/cache*.c)

$(B)/bench/cache: $(bench_cache_src:%.c=$(B)/obj/%.o) $(B)/libtmem.a
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LDLIBS) -lm -ldl

# What only the page of all promises needs; the cache's streams are shared.
bench_seed := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tools/bench/seed*.c)) \
	$(B)/obj/tools/bench/cache_stream.o

$(B)/bench/seed: $(bench_seed) $(B)/libtmem.so
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' -o $@ \
		$(bench_seed) -L$(B) -ltmem -lpthread -lm

# --- module -----------------------------------------------------------------

# Kernels to build for: KDIR=<tree> alone if given, else those in the cache.
ifdef KDIR
kdirs := $(KDIR)
else
kdirs := $(shell tools/build/kernels.sh --list | awk '{print $$5}')
endif
# Not include/config/kernel.release: Debian's says something else.
release_of = $(shell sed -n 's/^\#define UTS_RELEASE "\(.*\)"/\1/p' \
	$(1)/include/generated/utsrelease.h 2>/dev/null)
kmod_dep := Kbuild $(wildcard kmod/*.[ch] include/uapi/linux/*.h \
	include/internal/*.h)

# $(1) kernel tree, $(2) its release.  No BTF: the packaged headers of 6.1 lack
# what it takes, and would say so each time.
define module
modules: $(B)/kmod/$(2)/tmem.ko
$(B)/kmod/$(2)/tmem.ko: $(kmod_dep) tools/build/module-tree.sh
	$$(say) KMOD $(2)/tmem.ko
	@tools/build/module-tree.sh $$(@D)
	$$(Q)$$(MAKE) -C $(1) M=$$(abspath $$(@D)) $$(if $$(Q),-s) \
		V=$$(V) CONFIG_DEBUG_INFO_BTF_MODULES= modules
	@touch $$@
endef

ifneq ($(wildcard Kbuild),)
$(foreach k,$(kdirs),$(if $(call release_of,$(k)),\
	$(eval $(call module,$(k),$(call release_of,$(k)))),\
	$(error $(k) is no kernel build tree (no include/generated/utsrelease.h))))
endif

modules:
	$(if $(kdirs),,@echo "No kernel headers: the module is not built." \
		"tools/build/kernels.sh fetches them, or give KDIR=<tree>.")

# --- doing things -----------------------------------------------------------

# Builds that are part of something longer, unless -j was given.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

run:
	@tools/build/run.sh

# The levels of the tests, from the gate to chance; selftests/run.pl and soak.pl
# install, fetch and build what they need.  TESTS= names groups instead, see
# selftests/run.pl --help.
check:
	@tools/build/packages.sh --lint
	@selftests/run.pl $(or $(TESTS),check)

check-full:
	@tools/build/packages.sh --lint
	@selftests/run.pl $(or $(TESTS),full)

# SOAK_MINUTES=30 of fuzzers, races and storms, with random seeds.
soak:
	@tools/build/packages.sh --lint
	@selftests/soak.pl

# For the debug kernel, which has a build of the module of its own.
debug-programs: tool $(ktest) $(dtest)
	@KCFLAGS=-DTMEM_DEBUG $(MAKE) modules \
		KDIR="$$(tools/build/debug-kernel.sh --list | cut -d' ' -f5)"

vm:
	@echo "[1/4] installing packages that are missing"
	@tools/build/packages.sh
	@echo "[2/4] fetching kernels that are missing"
	@tools/build/kernels.sh >/dev/null
	@echo "[3/4] building"
	@$(MAKE) $(jobs) tool modules $(ktest)
	@echo "[4/4] booting"
	@selftests/vm/run.sh --shell

# What is a time or a rate.  Each prints its bars, kept or MISSED; the exit status
# is not 0 if one is missed, but for a quick look by `make bench` or bench-seed.

# The library beside the allocators that others preload.  TRACES= names traces,
# QUICK=1 looks only whether it works; tools/bench/alloc.sh --help has the rest.
bench:
	@TRACES="$(TRACES)" tools/bench/alloc.sh $(if $(QUICK),--quick) $(BENCH)

# What the analytics cost.  TRACES= names traces; --help lists BENCH= options.
bench-analytics:
	@TRACES="$(TRACES)" tools/bench/analytics.sh $(BENCH)

# The module in the two-node VM, beside what the kernel has.
bench-kmod:
	@tools/bench/kmod.sh --kernel $(or $(KERNEL),6.12) $(if $(JSON),--json)

# How well leaks are found, and what is called one that is none: a table for
# 3000 made-up programs, for each figure of the rule, and the traces' verdicts.
bench-leaks: $(B)/bench/leaks
	@$(B)/bench/leaks $(BENCH) \
		$(or $(TRACES),$(wildcard tools/traces/*.trace.zst))

$(B)/bench/leaks: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tools/bench/leaks*.c)) \
		$(B)/obj/lib/analytics/leak.o \
		$(patsubst %,$(B)/obj/tools/tmemctl/%.o,lines fields)
	$(say) LD bench/$(@F)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lzstd -lm

bench-programs: $(bench_alloc) $(B)/bench/alloc $(B)/bench/analytics \
	$(B)/bench/cache $(B)/bench/leaks $(B)/bench/predict $(B)/bench/reaction $(B)/bench/seed

# What the optimizer foresees, and what its strategies do; TRACES= as above.
bench-predict: $(B)/bench/predict
	@TRACES="$(TRACES)" tools/bench/predict.sh $(BENCH)

# How fast the library's threads react and stop, what the monitor costs, and how
# well it predicts; TRACES= as above.
bench-reaction: $(B)/bench/reaction
	@TRACES="$(TRACES)" tools/bench/reaction.sh $(if $(QUICK),--quick)

# Which tensors a cache should keep, and how cold ones become smaller; a minute.
bench-cache: $(B)/bench/cache
	@$(B)/bench/cache $(TRACES)

# Every number that tmem promises, measured, on one page; TRACES= as above.
bench-seed:
	@TRACES="$(TRACES)" tools/bench/seed.sh $(if $(QUICK),--quick) $(BENCH)

# What can be said in seconds; `make check-full` says the rest.
lint:
	@tools/build/packages.sh --lint
	@selftests/lint.sh

format-check:
	@selftests/lint.sh format

install: lib tool
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/bin \
		$(DESTDIR)$(PREFIX)/include/tmem \
		$(DESTDIR)$(PREFIX)/include/linux
	install -m 644 $(B)/libtmem.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(B)/libtmem.so.0 $(DESTDIR)$(LIBDIR)
	ln -sfn libtmem.so.0 $(DESTDIR)$(LIBDIR)/libtmem.so
	install -m 644 $(B)/tmem.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 include/tmem.h $(DESTDIR)$(PREFIX)/include
	install -m 644 include/tmem/*.h $(DESTDIR)$(PREFIX)/include/tmem
	install -m 644 include/uapi/linux/tmem.h \
		include/uapi/linux/tmem_netlink.h \
		$(DESTDIR)$(PREFIX)/include/linux
	$(if $(tool_src),install -m 755 $(B)/tmemctl $(DESTDIR)$(PREFIX)/bin)
	for page in $(wildcard Documentation/man/*.[0-9]); do \
		install -D -m 644 $$page \
			$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || \
			exit 1; \
	done
	$(if $(UDEVDIR),install -D -m 644 -t $(DESTDIR)$(UDEVDIR) \
		tools/udev/60-tmem.rules)
	$(if $(SYSUSERSDIR),install -D -m 644 -t $(DESTDIR)$(SYSUSERSDIR) \
		tools/sysusers.d/tmem.conf)
	$(if $(and $(UDEVDIR),$(SYSUSERSDIR)),$(if $(DESTDIR),,@echo \
		'To open /dev/tmem to the group tmem now, as root:' \
		'systemd-sysusers && udevadm control --reload &&' \
		'udevadm trigger /sys/class/misc/tmem'))

clean:
	rm -rf $(B)

help:
	@echo 'make               library and tool; module for the kernels at hand'
	@echo 'make run           install what is needed, build, replay a GPT training'
	@echo '                   trace on /dev/tmem (here, or in a two-node VM)'
	@echo 'make check         the gate: deterministic, at most 15 minutes on two cores,'
	@echo '                   stops at the first step that fails'
	@echo 'make check-full    the gate, and clang, sparse, checkpatch, TSan, memcheck,'
	@echo '                   all kernels, and one with KASAN, lockdep, kmemleak and faults'
	@echo '                   injected (builds that kernel once, 8 minutes); 60 minutes;'
	@echo '                   TESTS=groups, see selftests/run.pl --help'
	@echo 'make soak          fuzzers, races, storms with random seeds; SOAK_MINUTES=30,'
	@echo '                   TMEM_SEED=n'
	@echo 'make lint          what can be said of the sources in seconds'
	@echo 'make tests         all test programs'
	@echo 'make vm            a shell in the two-node VM, module loaded'
	@echo 'make bench         the library beside glibc, jemalloc, mimalloc, tcmalloc;'
	@echo '                   table, JSON, chart; TRACES=files, QUICK=1, BENCH=options'
	@echo 'make bench-analytics    what the analytics cost; TRACES=files'
	@echo 'make bench-kmod    measure the module in a VM; KERNEL=6.1|6.12, JSON=1'
	@echo 'make bench-leaks   how well the leak detector does; TRACES=files'
	@echo 'make bench-predict what the optimizer foresees, and what its strategies do;'
	@echo '                   TRACES=files, BENCH=--foresee: replay nothing'
	@echo 'make bench-reaction   from a pressure event to the first byte given back;'
	@echo '                   how soon threads stop, what the monitor costs, how often'
	@echo '                   predictions were right; TRACES=, QUICK=1'
	@echo 'make bench-cache   policies of the tensor cache, and its compression'
	@echo 'make bench-seed    every promised number beside what is measured; table, JSON;'
	@echo '                   TRACES=files, QUICK=1'
	@echo '                   bench*: a bar that is missed is printed, and the exit status'
	@echo 'make install       library, headers, tool, manuals, udev rule, group;'
	@echo '                   PREFIX=, DESTDIR=, UDEVDIR=, SYSUSERSDIR= (empty: none)'
	@echo 'make clean         remove build/ (fetched kernels stay in their cache)'
	@echo
	@echo 'CC=gcc|clang  CFLAGS=  KDIR=<kernel build tree>  V=1'
	@echo 'TMEM_CACHE=<folder>  where kernels are kept ($(or $(TMEM_CACHE),/var/cache/tmem))'

-include $(shell find $(B) -name '*.d' 2>/dev/null)

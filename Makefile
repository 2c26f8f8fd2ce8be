# SPDX-License-Identifier: GPL-2.0-only
#
# tmem: library, tool, kernel module and tests.  `make help` lists the targets.
# All products lie below build/; the module's object list is in Kbuild.
#
# Nothing but `make run`, `make check`, `make vm` and `make lint` installs
# packages or fetches kernels (tools/build/*.sh).

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man

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
.PHONY: all lib tool tests plain modules run check vm lint format-check install \
	clean help FORCE

all: lib tool tests modules

# --- library ----------------------------------------------------------------

WARN := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes
INC := -Iinclude -Iinclude/uapi -Ilib
# The symbol map alone says what is exported: the headers, which programs
# include, need no visibility attributes, and the linker binds all calls inside.
LIB_CFLAGS := -std=gnu11 $(WARN) -fPIC -fno-semantic-interposition $(INC)
LIB_LDLIBS := -lnuma -lpthread
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
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libtmem.so.0 \
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
TOOL_LDLIBS := -lzstd -ljson-c -lnuma -lpthread

tool_src := $(wildcard tools/tmemctl/*.c)
tool_obj := $(tool_src:%.c=$(B)/obj/%.o)

tool: $(if $(tool_src),$(B)/tmemctl)

$(B)/obj/tools/%.o: tools/%.c $(B)/obj/flags
	$(say) CC tools/$*.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(TOOL_CFLAGS) $(CFLAGS) $(DEP) -c -o $@ $<

$(B)/tmemctl: $(tool_obj) $(B)/libtmem.so
	$(say) LD $(@F)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib' -o $@ \
		$(tool_obj) -L$(B) -ltmem $(TOOL_LDLIBS)

# --- tests ------------------------------------------------------------------

# The harness leaves parameters unused and is not ours to change.
TEST_CFLAGS := -std=gnu11 $(WARN) -Wno-unused-parameter $(INC) -Iselftests \
	-isystem build/kselftest
KSELFTEST := build/kselftest/stamp

ktest := $(patsubst selftests/%.c,$(B)/selftests/%,\
	$(wildcard selftests/kmod/*.c))
ltest_name := $(patsubst selftests/lib/%.c,%,$(wildcard selftests/lib/*.c))
ltest := $(foreach kind,lib lib-asan lib-tsan,\
	$(ltest_name:%=$(B)/selftests/$(kind)/%))

tests: $(ktest) $(ltest)

# What `make lint` builds with each compiler.
plain: lib tool $(ktest) $(ltest_name:%=$(B)/selftests/lib/%)

$(KSELFTEST): tools/build/kselftest.sh
	$(say) EXTRACT kselftest
	$(Q)tools/build/kselftest.sh $(@D)
	@touch $@

$(B)/selftests/kmod/%: selftests/kmod/%.c $(B)/obj/flags $(KSELFTEST)
	$(say) CC selftests/kmod/$*
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d \
		-o $@ $< -lpthread

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
kmod_dep := Kbuild $(wildcard kmod/*.[ch] include/uapi/linux/*.h)

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

run:
	@tools/build/run.sh

# What a fresh machine lacks.  The second make sees the kernels that the first
# did not.
define prepare
	@echo "[1/$(2)] installing packages that are missing"
	@tools/build/packages.sh $(1)
	@echo "[2/$(2)] fetching kernels that are missing"
	@tools/build/kernels.sh >/dev/null
endef

# TESTS= takes a selection, see selftests/run.sh --help.
check:
	$(call prepare,,4)
	@echo "[3/4] building"
	@$(MAKE) all
	@echo "[4/4] testing"
	@selftests/run.sh $(TESTS)

vm:
	$(call prepare,,4)
	@echo "[3/4] building"
	@$(MAKE) all
	@echo "[4/4] booting"
	@selftests/vm/run.sh --shell

lint:
	$(call prepare,--lint,3)
	@echo "[3/3] checking"
	@$(MAKE) $(KSELFTEST)
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
		$(DESTDIR)$(PREFIX)/include/linux
	$(if $(tool_src),install -m 755 $(B)/tmemctl $(DESTDIR)$(PREFIX)/bin)
	for page in $(wildcard Documentation/man/*.[0-9]); do \
		install -D -m 644 $$page \
			$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || \
			exit 1; \
	done

clean:
	rm -rf $(B)

help:
	@echo 'make               library, tool, tests; module for the kernels at hand'
	@echo 'make run           install what is needed, build, replay a GPT training'
	@echo '                   trace on /dev/tmem (here, or in a two-node VM)'
	@echo 'make check         all tests: on the host, and in VMs on both kernels'
	@echo 'make vm            a shell in the two-node VM, module loaded'
	@echo 'make lint          compilers, sparse, checkpatch, format, shell, manuals'
	@echo 'make install       library, headers, tool, manuals; PREFIX=, DESTDIR='
	@echo 'make clean         remove build/ (fetched kernels stay in their cache)'
	@echo
	@echo 'CC=gcc|clang  CFLAGS=  KDIR=<kernel build tree>  V=1'
	@echo 'TMEM_CACHE=<folder>  where kernels are kept ($(or $(TMEM_CACHE),/var/cache/tmem))'

-include $(shell find $(B) -name '*.d' 2>/dev/null)

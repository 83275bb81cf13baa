# SPDX-License-Identifier: GPL-2.0
#
# The front door.  "make help" says what there is.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
INSTALL ?= install

# The kernels to build the module for: the one named, or the running one, or
# every one whose headers are installed.
KDIR ?=
running := $(wildcard /lib/modules/$(shell uname -r)/build)
headers := $(patsubst %/include/generated/utsrelease.h,%,$(wildcard \
	/usr/src/linux-headers-*/include/generated/utsrelease.h))
KDIRS := $(or $(KDIR),$(running),$(headers))

BUILT := build/userspace
MAN := $(wildcard Documentation/man/*.[1-8])
UNITS := $(wildcard userspace/*/*.service userspace/*/*.timer userspace/*/*.socket)
CONFIGS := $(wildcard userspace/*/*.conf)
# Found by bash-completion by this name.
COMPLETION = $(PREFIX)/share/bash-completion/completions/zkhsm
installed-man = $(foreach m,$(MAN),$(PREFIX)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))

.PHONY: all module userspace install install-module install-userspace uninstall \
	check check-deep coverage demo bench bench-manager regen check-generated style clean distclean help

all: module userspace
	@echo "Built: $(wildcard $(addprefix $(BUILT)/,zkhsm zkhsm-agent zkhsmd))"

module:
	@if [ -z "$(KDIRS)" ]; then \
		echo "No kernel headers here: apt-get install linux-headers-cloud-amd64," \
		     "or make KDIR=<build directory of a kernel>, or make userspace." >&2; \
		exit 1; \
	fi
	@set -e; for kdir in $(KDIRS); do \
		echo "Building zkhsm.ko for $$kdir"; \
		module=$$(tools/build-module "$$kdir"); \
		echo "Built: $${module#$$PWD/}"; \
	done

userspace:
	@echo "Building the library and the programs in $(BUILT)"
	@$(MAKE) -s -C userspace

install: install-module install-userspace
	@echo "Installed. Next: modprobe zkhsm"

install-module: module
	@set -e; for kdir in $(KDIRS); do \
		tools/install-module "$$kdir" "$(DESTDIR)"; \
	done

# INSTALL_FILE mode, source, destination
define put
	@echo "  INSTALL $(DESTDIR)$(3)"
	@$(INSTALL) -D -m $(1) $(2) $(DESTDIR)$(3)

endef

install-userspace: userspace
	$(call put,755,$(BUILT)/zkhsm,$(PREFIX)/bin/zkhsm)
	$(call put,755,$(BUILT)/zkhsm-agent,$(PREFIX)/sbin/zkhsm-agent)
	$(call put,755,$(BUILT)/zkhsmd,$(PREFIX)/sbin/zkhsmd)
	$(call put,644,userspace/cli/completion.bash,$(COMPLETION))
	$(foreach m,$(MAN),$(call put,644,$(m),$(PREFIX)/share/man/man$(subst .,,$(suffix $(m)))/$(notdir $(m))))
	$(foreach u,$(UNITS),$(call put,644,$(u),$(UNITDIR)/$(notdir $(u))))
	$(foreach c,$(CONFIGS),$(call put,644,$(c),$(PREFIX)/share/doc/zkhsm/$(notdir $(c))))
	$(call put,644,userspace/units/zkhsm.sysusers,$(SYSUSERSDIR)/zkhsm.conf)
	$(call put,644,userspace/units/zkhsm.tmpfiles,$(TMPFILESDIR)/zkhsm.conf)

uninstall:
	@rm -f $(addprefix $(DESTDIR),$(PREFIX)/bin/zkhsm $(PREFIX)/sbin/zkhsm-agent \
		$(PREFIX)/sbin/zkhsmd $(COMPLETION) $(installed-man) \
		$(addprefix $(UNITDIR)/,$(notdir $(UNITS))) \
		$(SYSUSERSDIR)/zkhsm.conf $(TMPFILESDIR)/zkhsm.conf \
		$(addprefix $(PREFIX)/share/doc/zkhsm/,$(notdir $(CONFIGS))))
	@[ ! -d $(DESTDIR)$(PREFIX)/share/doc/zkhsm ] || rmdir $(DESTDIR)$(PREFIX)/share/doc/zkhsm
	@set -e; for kdir in $(KDIRS); do \
		tools/install-module --remove "$$kdir" "$(DESTDIR)"; \
	done
	@echo "Uninstalled. Configuration in $(SYSCONFDIR)/zkhsm and state were left alone."

check:
	@tools/install-deps check
	@tests/run

# PARTS= names some of what tests/run --help lists; all that is deep otherwise.
PARTS ?= --deep
check-deep:
	@tools/install-deps check
	@tools/install-deps deep
	@tests/run $(PARTS)

coverage:
	@tools/install-deps check
	@tools/install-deps deep
	@tools/coverage

demo:
	@tools/install-deps demo
	@tools/demo
	@tools/demo-fleet

bench:
	@tools/install-deps bench
	@tests/bench/run

bench-manager:
	@tools/install-deps bench
	@tests/bench/run --only fleet

regen:
	@tools/gen-netlink.sh
	@tools/gen-vectors.py

check-generated:
	@tools/gen-netlink.sh --check
	@tools/gen-vectors.py --check

style:
	@tests/run style

clean:
	@rm -rf build
	@echo "Removed build/. Kernels stay in $${ZKHSM_CACHE:-$$HOME/.cache/zkhsm}; make distclean removes them."

distclean: clean
	@rm -rf "$${ZKHSM_CACHE:-$$HOME/.cache/zkhsm}"

help:
	@echo "make                  the module for the kernel headers that are there, and the programs"
	@echo "make KDIR=DIR         the module for the kernel built in DIR"
	@echo "make install          module where modprobe finds it, programs, man pages, units,"
	@echo "                      completion for bash"
	@echo "                      (DESTDIR= PREFIX=$(PREFIX) UNITDIR=; SIGN_KEY= SIGN_CERT= sign the module)"
	@echo "make uninstall        remove what install put there"
	@echo "make demo             the whole story in a virtual machine, in under two minutes"
	@echo "make check            every test: style, unit, VM on three kernels, end to end"
	@echo "make check-deep       what takes longer: other implementations, fuzzers, races, faults"
	@echo "                      (PARTS='NAME...' for some of it, see tests/run --help)"
	@echo "make coverage         which lines and branches the tests reach, and which errors they do not"
	@echo "make bench            the measurements, written to build/bench.json"
	@echo "make bench-manager    managers with 1,000 to 1,000,000 records, side by side"
	@echo "make regen            generate the netlink code and the test vectors"
	@echo "make check-generated  compare them with what would be generated"
	@echo "make style            checkpatch, sparse, shellcheck, warnings"
	@echo "make clean            remove build/; distclean removes the cached kernels too"
	@echo "Single tests: tests/run --help.  A kernel by hand: tools/vm --help."
	@echo "demo, check and bench first install missing Debian packages and say why."

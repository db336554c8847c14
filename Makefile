# Davy: build, test, run. `make help` lists the targets.
#
# OUT      where everything is built            (default build)
# FOLDERS  the source folders to build and test (default all; a folder needs those that it may use)
# SAN=1    sanitizer build (ASan + UBSan, gcc) in $(OUT)/san
# FUZZ=1   fuzzing build (libFuzzer + ASan + UBSan, clang) in $(OUT)/fuzz
# V=1      prints whole command lines
# FUZZERS  the fuzz targets to build and run    (default all: tests/fuzz/fuzz_NAME.c)
#
# Every path is relative, so that a checkout may stand under a path with spaces.

SHELL := /bin/bash
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))
.DEFAULT_GOAL := all
OUT ?= build
PREFIX ?= /usr/local
FOLDERS ?= base keys record rules $(patsubst src/%/,%,$(sort $(wildcard src/domain/*/))) feed store \
  sync app hub link tui screen cli sim
FUZZERS ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 10

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla -Wformat=2 \
  -Wswitch-enum -Wimplicit-fallthrough
HARDEN = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
  -fcf-protection=full -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr \
  -fno-strict-overflow -fno-delete-null-pointer-checks
CPPFLAGS = -D_GNU_SOURCE -D_XOPEN_SOURCE=700 -DNCURSES_WIDECHAR=1 -Iinclude -Isrc
CFLAGS_COMMON = -std=c11 -g $(WARN) -fno-strict-aliasing -fPIE -fvisibility=hidden \
  "-ffile-prefix-map=$$PWD=." -MMD -MP
CHECKED = -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined
ifdef FUZZ
  # FORTIFY and automatic zeroing hide what sanitizers look for; they stay out of these two builds.
  CC = clang
  DIR = $(OUT)/fuzz
  CFLAGS = $(CFLAGS_COMMON) $(CHECKED) -fsanitize=fuzzer-no-link,address,undefined
  LDFLAGS = -pie -Wl,--as-needed
else ifdef SAN
  CC = gcc
  DIR = $(OUT)/san
  CFLAGS = $(CFLAGS_COMMON) -Werror $(CHECKED) -fsanitize=address,undefined
  LDFLAGS = -pie -Wl,--as-needed -fsanitize=address,undefined
else
  CC = gcc
  DIR = $(OUT)
  CFLAGS = $(CFLAGS_COMMON) -Werror -O2 $(HARDEN)
  LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed
endif
LDLIBS = -lncursesw -ltinfo -lmosquitto -lsqlite3 -lsodium -lqrencode -lcjson -lzstd -lutf8proc -linih -lssl -lcrypto -lm
TEST_LIBS = -lcmocka -lvterm

SOURCES := $(sort $(foreach f,$(FOLDERS),$(wildcard src/$(f)/*.c)))
# What the programs share beside their main functions.
SOURCES += $(filter-out src/main/main_%,$(sort $(wildcard src/main/*.c)))
OBJECTS := $(SOURCES:%.c=$(DIR)/obj/%.o)
LIB = $(DIR)/libdavy.a
PROGRAMS := davy davyd davysim
MAINS := $(PROGRAMS:%=$(DIR)/obj/src/main/main_%.o)
TEST_SOURCES := $(sort $(foreach f,$(FOLDERS),$(wildcard tests/unit/$(subst /,_,$(f))_*_test.c)))
TESTS := $(TEST_SOURCES:tests/unit/%.c=$(DIR)/tests/%)
FUZZ_PROGRAMS := $(FUZZERS:%=$(OUT)/fuzz/fuzz_%)
# Tests whose allocations fail: the product's objects with malloc and its kin renamed; the simulated
# disk is the test's.
FAULTS := $(patsubst tests/fault/%_fault.c,%,$(sort $(wildcard tests/fault/*_fault.c)))
FAULT_PROGRAMS := $(FAULTS:%=$(DIR)/tests/%_fault)
FAULT_OBJECTS := $(patsubst %.c,$(DIR)/obj/%.o,$(filter-out %_fault.c,$(wildcard tests/fault/*.c)))
FAULT_LIB = $(DIR)/libdavy_fault.a
FAULT_PARTS := $(foreach o,$(OBJECTS),$(if $(findstring /obj/src/sim/,$o),$o,$(o:$(DIR)/obj/%=$(DIR)/fault/%)))
CATALOGUES := $(sort $(wildcard src/po/*.po))
LOCALE := $(if $(CATALOGUES),$(DIR)/locale/zh_CN/LC_MESSAGES/davy.mo)

.PHONY: all unit tests faults fuzz fuzzers test run bench tidy deps install clean help
.SECONDARY:
all: $(LIB) $(PROGRAMS:%=$(DIR)/%) $(LOCALE)

$(DIR)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# The archive is written anew with q, because r keeps only one of two files of the same base name.
$(LIB): $(OBJECTS)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar qcsD $@ $^

$(PROGRAMS:%=$(DIR)/%): $(DIR)/%: $(DIR)/obj/src/main/main_%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(DIR)/tests/%: $(DIR)/obj/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) $(TEST_LIBS) -o $@

$(DIR)/fault/%.o: $(DIR)/obj/%.o tests/fault/symbols
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-syms=tests/fault/symbols $< $@

$(FAULT_LIB): $(FAULT_PARTS)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar qcsD $@ $^

$(FAULT_PROGRAMS): $(DIR)/tests/%_fault: $(DIR)/obj/tests/fault/%_fault.o $(FAULT_OBJECTS) $(FAULT_LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) $(TEST_LIBS) -o $@

$(OUT)/fuzz/fuzz_%: $(DIR)/obj/tests/fuzz/fuzz_%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) $^ $(LDLIBS) -o $@

# One Chinese catalogue a folder, merged and compiled; broken formats are refused. scripts/tidy looks
# after the headers and for what is not translated.
$(LOCALE): $(CATALOGUES) Makefile
	@mkdir -p $(@D)
	$(call say,MO,$@)
	@msgcat --use-first -o $(DIR)/davy.zh_CN.po $(CATALOGUES)
	@msgfmt --check-format --check-domain -o $@ $(DIR)/davy.zh_CN.po

tests: $(TESTS) $(LOCALE)

# Every unit test of FOLDERS.
unit: $(TESTS) $(LOCALE)
	@fail=0; for t in $(TESTS); do echo "== $$t"; $$t || fail=1; done; exit $$fail

# Programs whose n-th allocation fails; every operation is a line "ok" or "not ok".
faults: $(FAULT_PROGRAMS) $(LOCALE)

ifdef FUZZ
fuzzers: $(FUZZ_PROGRAMS)
else
fuzzers:
	@$(MAKE) --no-print-directory FUZZ=1 fuzzers
endif

# Replays the kept corpora, then lets each target look for FUZZ_SECONDS.
fuzz: fuzzers
	@fail=0; for f in $(FUZZERS); do scripts/fuzz $(OUT) $$f $(FUZZ_SECONDS) || fail=1; done; exit $$fail

test:
	@OUT="$(OUT)" tests/run

run:
	@OUT="$(OUT)" scripts/run

bench: all
	@OUT="$(OUT)" scripts/bench

tidy:
	@scripts/tidy

deps:
	@scripts/deps

install: all
	install -d $(INSTALL_ROOT)/bin $(INSTALL_ROOT)/share/davy/themes $(INSTALL_ROOT)/lib/systemd/system
	install -m 755 $(PROGRAMS:%=$(DIR)/%) $(INSTALL_ROOT)/bin
	for f in themes/*; do [ ! -f "$$f" ] || install -m 644 "$$f" $(INSTALL_ROOT)/share/davy/themes || exit; done
	for f in $(LOCALE); do install -D -m 644 "$$f" \
	  $(INSTALL_ROOT)/share/locale/zh_CN/LC_MESSAGES/davy.mo || exit; done
	sed 's|/usr/local|$(PREFIX)|g' scripts/davyd.service > $(INSTALL_ROOT)/lib/systemd/system/davyd.service
	chmod 644 $(INSTALL_ROOT)/lib/systemd/system/davyd.service
	install -m 755 scripts/verify-bundle $(INSTALL_ROOT)/share/davy
	[ ! -f scripts/completion/davy ] || install -D -m 644 scripts/completion/davy \
	  $(INSTALL_ROOT)/share/bash-completion/completions/davy
INSTALL_ROOT = "$(DESTDIR)$(PREFIX)"

clean:
	rm -rf -- "$(OUT)"

help:
	@printf '%-10s %s\n' \
	  all      'build/davy, build/davyd, build/davysim (hardened); SAN=1: with sanitizers, in build/san' \
	  run      'install what is missing, build, and open a demonstration site' \
	  test     'install what is missing, build, and run every test' \
	  unit     'unit tests of FOLDERS' \
	  faults   'build the tests whose n-th allocation fails (in build/tests/NAME_fault)' \
	  fuzz     'replay the corpora and fuzz every decoder for FUZZ_SECONDS' \
	  bench    'measure, each figure beside a reference' \
	  tidy     'the rules of the source: form, layers, catalogues' \
	  deps     'install the Debian packages that the build needs' \
	  install  'install below PREFIX (DESTDIR is respected)' \
	  clean    'remove build/'

-include $(OBJECTS:.o=.d) $(MAINS:.o=.d) $(TEST_SOURCES:%.c=$(DIR)/obj/%.d) \
  $(FUZZERS:%=$(DIR)/obj/tests/fuzz/fuzz_%.d) $(FAULTS:%=$(DIR)/obj/tests/fault/%_fault.d) \
  $(FAULT_OBJECTS:.o=.d)

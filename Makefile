# Davy: build, test, run. `make help` lists the targets.
#
# OUT      where everything is built            (default build)
# FOLDERS  the source folders to build and test (default all; a folder needs those that it may use)
# SAN=1    sanitizer build (ASan + UBSan) in $(OUT)/san

SHELL := /bin/bash
OUT ?= build
FOLDERS ?= base keys record rules domain/roster domain/site domain/alarm feed store sync app hub link tui screen cli sim
CC = gcc
PACKAGES = ncursesw libmosquitto sqlite3 libsodium libqrencode libcjson libzstd libutf8proc inih

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wvla -Wformat=2 \
  -Wswitch-enum -Wimplicit-fallthrough -Werror
HARDEN = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
  -fcf-protection=full -ftrivial-auto-var-init=zero -fno-strict-overflow -fno-delete-null-pointer-checks
CPPFLAGS = -D_GNU_SOURCE -D_XOPEN_SOURCE=700 -DNCURSES_WIDECHAR=1 -Iinclude -Isrc
CFLAGS_COMMON = -std=c11 -g $(WARN) -fno-strict-aliasing -fPIE -fvisibility=hidden -ffile-prefix-map=$(CURDIR)=. -MMD -MP
ifdef SAN
  DIR = $(OUT)/san
  CFLAGS = $(CFLAGS_COMMON) -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
  LDFLAGS = -pie -fsanitize=address,undefined
else
  DIR = $(OUT)
  CFLAGS = $(CFLAGS_COMMON) -O2 $(HARDEN)
  LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed
endif
LDLIBS = -lncursesw -ltinfo -lmosquitto -lsqlite3 -lsodium -lqrencode -lcjson -lzstd -lutf8proc -linih -lm

SOURCES := $(sort $(foreach f,$(FOLDERS),$(wildcard src/$(f)/*.c)))
OBJECTS := $(SOURCES:%.c=$(DIR)/obj/%.o)
LIB = $(DIR)/libdavy.a
TEST_SOURCES := $(sort $(foreach f,$(FOLDERS),$(wildcard tests/unit/$(subst /,_,$(f))_*_test.c)))
TESTS := $(TEST_SOURCES:tests/unit/%.c=$(DIR)/tests/%)

.PHONY: all unit
all: $(LIB) $(DIR)/davy $(DIR)/davyd $(DIR)/davysim

$(DIR)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB): $(OBJECTS)
	@rm -f $@
	ar rcsD $@ $^

$(DIR)/davy $(DIR)/davyd $(DIR)/davysim: $(DIR)/%: $(DIR)/obj/src/main/main_%.o $(LIB)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(DIR)/tests/%: $(DIR)/obj/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

# Every unit test of FOLDERS.
unit: $(TESTS)
	@fail=0; for t in $(TESTS); do echo "== $$t"; $$t || fail=1; done; exit $$fail

-include $(OBJECTS:.o=.d) $(TEST_SOURCES:%.c=$(DIR)/obj/%.d)

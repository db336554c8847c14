#!/usr/bin/env bash
# A hub is backed up while it runs, lost, and restored: bad files change nothing, what a living device
# still holds comes back, no PIN counter falls.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

davy() { "$BUILD/davy" "$@"; }
tree_of() { (cd "$1" && find . -type f ! -name '*.sock' | sort | xargs -d '\n' sha256sum); }
comments() { davy log --dir "$WORK/$1" --limit 1000 | grep 'alarm comment' | grep -c accepted; }
comments_are() { [ "$(comments "$1")" = "$2" ]; }
comment() { davy alarm comment PT-1 "$1" --dir "$WORK/c1" --number 11 --pin-file "$WORK/pin"; }
open_console() {
  tmux -L "davyb$$" -f /dev/null new-session -d -s c1 -x 80 -y 24 \
    "exec env LC_ALL=C.UTF-8 '$BUILD/davy' --dir '$WORK/c1' --lang en --observe"
  until_true 10 eval 'davy sync status --dir "$WORK/c1" --json | grep -q phase'
}
opens() { davy backup check "$1" --key "$WORK/safe.key" --pin-file "$WORK/safe.pin"; }
restores() { davy restore "$1" "$WORK/hub2" --key "$WORK/safe.key" --pin-file "$WORK/safe.pin"; }
# refused FILE WORD: neither checked nor restored, and nothing is left behind.
refused() {
  ! opens "$1" >"$WORK/said" 2>&1 && grep -q "$2" "$WORK/said" &&
    ! restores "$1" >"$WORK/said" 2>&1 && grep -q "$2" "$WORK/said" &&
    [ ! -e "$WORK/hub2" ] && [ ! -e "$WORK/hub2.restoring" ]
}

check "a site with one console" eval 'make_site c1 && join c1 && first_use c1 11 && open_console'
publish '{"tag":"PT-1","v":2950}'
check "the alarm is at the console" until_true 10 eval 'davy alarm list --dir "$WORK/c1" --json | grep -q PT-1'
echo 11111111 >"$WORK/pin"
echo 24682468 >"$WORK/safe.pin"
echo 24682469 >"$WORK/wrong.pin"
check "three comments before" eval 'comment one && comment two && comment three && until_true 20 comments_are hub 3'

check "a backup key" davy backup key "$WORK/safe.key" --pin-file "$WORK/safe.pin"
check "another one" davy backup key "$WORK/other.key" --pin-file "$WORK/safe.pin"
check "the secret half is its owner's alone" [ "$(stat -c %a "$WORK/safe.key")" = 600 ]
check "without a key there is no backup" eval '! davy backup "$WORK/b1" --dir "$WORK/hub"'
cp "$WORK/safe.key.pub" "$WORK/hub/backup.pub"
check "a backup of the running hub" davy backup "$WORK/b1" --dir "$WORK/hub" --offsite
check "is never overwritten" eval '! davy backup "$WORK/b1" --dir "$WORK/hub"'
check "leaves nothing else behind" eval '[ -z "$(ls -A "$WORK/hub" | grep -E "tmp|new")" ] && [ ! -e "$WORK/b1.new" ]'
check "a backup of the running console" davy backup "$WORK/b-c1" --dir "$WORK/c1" --key "$WORK/safe.key.pub"
check "both can be read to the end" eval 'opens "$WORK/b1" && opens "$WORK/b-c1"'
check "no name and no key stands in them" eval '! grep -qaE "Operator|device.key|SQLite|alarm" "$WORK/b1"'

head -c 100000 "$WORK/b1" >"$WORK/cut"
check "one that was cut off" refused "$WORK/cut" damaged
head -c 40 "$WORK/b1" >"$WORK/cut"
check "one of which the head is left" refused "$WORK/cut" damaged
: >"$WORK/cut"
check "an empty one" refused "$WORK/cut" damaged
cp "$WORK/pins" "$WORK/cut"
check "something else" refused "$WORK/cut" damaged
(cat "$WORK/b1"; echo x) >"$WORK/cut"
check "one with something behind it" refused "$WORK/cut" damaged
size=$(stat -c %s "$WORK/b1")
for at in 20 60 140 200 $((size / 2)) $((size - 5)); do
  python3 - "$WORK/b1" "$WORK/cut" "$at" <<'PY'
import sys
b = bytearray(open(sys.argv[1], 'rb').read()); b[int(sys.argv[3])] ^= 1; open(sys.argv[2], 'wb').write(b)
PY
  check "a bit at $at was turned" eval 'refused "$WORK/cut" "damaged\|another key"'
done
davy backup "$WORK/b-other" --dir "$WORK/hub" --key "$WORK/other.key.pub" >/dev/null
check "one for another key" refused "$WORK/b-other" "another key"
check "a wrong PIN" eval '! davy backup check "$WORK/b1" --key "$WORK/safe.key" --pin-file "$WORK/wrong.pin" 2>&1 | tee "$WORK/said" | grep -q xx; grep -q "PIN" "$WORK/said"'
before=$(tree_of "$WORK/c1/keys")
check "a living store is not overwritten" eval '! davy restore "$WORK/b1" "$WORK/c1" --key "$WORK/safe.key" --pin-file "$WORK/safe.pin"'
check "not even when told to" eval '! davy restore "$WORK/b1" "$WORK/c1" --key "$WORK/safe.key" --pin-file "$WORK/safe.pin" --replace'
check "and is as it was" [ "$before" = "$(tree_of "$WORK/c1/keys")" ]

# What comes after the backup is held by the console alone once the hub is lost.
check "two comments after" eval 'comment four && comment five && until_true 20 comments_are hub 5'
echo 99999999 >"$WORK/bad"
for _ in 1 2; do davy person add --dir "$WORK/hub" --name X --number 77 --role operator --as 100 --pin-file "$WORK/bad" >/dev/null 2>&1; done
kill -9 "$hub" && wait "$hub" 2>/dev/null
printf x | dd of="$WORK/hub/records.db" bs=1 seek=20000 conv=notrunc 2>/dev/null
check "the hub is lost and restored in its place" \
  davy restore "$WORK/b1" "$WORK/hub" --key "$WORK/safe.key" --pin-file "$WORK/safe.pin" --replace
check "what stood there is kept" eval 'ls -d "$WORK"/hub.before-*'
check "the restored store verifies" eval 'davy verify --dir "$WORK/hub" | grep -q "Broken *nothing"'
check "it starts, and takes back what it had said" eval 'start_hub && until_true 60 eval "davy sync status --dir $WORK/hub --json | grep -q serving"'
check "nothing that was acknowledged is lost" until_true 60 comments_are hub 5
check "it goes on" eval 'comment six && until_true 40 comments_are hub 6 && until_true 40 comments_are c1 6'
echo 24681357 >"$WORK/admin.pin"
check "the PIN's counter did not fall: there is a wait" \
  eval '! davy person add --dir "$WORK/hub" --name X --number 77 --role operator --as 100 --pin-file "$WORK/admin.pin" 2>"$WORK/said"; grep -q "wait" "$WORK/said"'
for who in hub c1; do
  check "verify $who" eval 'davy verify --dir "$WORK/$who" | grep -q "Broken *nothing"'
done
tmux -L "davyb$$" kill-server 2>/dev/null
exit $failed

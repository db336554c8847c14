#!/usr/bin/env bash
# Two drills with real processes: a stolen device is refused everywhere within a minute, and root keys are
# rotated until the old ones open nothing on hub and consoles.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

davy() { "$BUILD/davy" "$@"; }
console() { # DEVICE: runs without a terminal's eyes
  tmux -L "davy$$" -f /dev/null new-session -d -s "$1" -x 100 -y 30 \
    "LC_ALL=C.UTF-8 '$BUILD/davy' --dir '$WORK/$1' --lang en 2>'$WORK/$1.err'"
}
phase_is() { davy sync status --dir "$WORK/$1" --json | grep -q "\"phase\":\"$2\""; }
knows_withdrawn() { davy device list --dir "$WORK/$1" --json | grep '"account":"c1"' | grep -q '"revoked":true'; }
sessions_are() { davy sync status --dir "$WORK/hub" --json | grep -q "\"sessions\":$1,"; }
refused() { ! "$@"; }

check "a site is founded and both consoles join" eval 'make_site c1 c2 && join c1 && join c2'
check "an operator's first use of each console" eval 'first_use c1 11 && first_use c2 12'
console c1
console c2
check "both are live" until_true 20 eval 'phase_is c1 live && phase_is c2 live'
check "the hub has two sessions" until_true 10 sessions_are 2
publish '{"tag":"PT-1","v":2950}'
echo 11111111 >"$WORK/pin"
echo 24681357 >"$WORK/admin.pin"
ack() { davy alarm ack PT-1 --dir "$WORK/$1" --number "$2" --pin-file "$WORK/pin"; }
check "the console acts while it is good" until_true 20 ack c1 11
check "the hub accepts it" \
  until_true 20 eval 'davy log --dir "$WORK/hub" | grep "alarm acknowledged" | grep -q accepted'

# ---- Theft: console 1 is gone ----
start=$SECONDS
check "the admin withdraws it" davy device revoke c1 --reason "stolen" --dir "$WORK/hub" --as 100 --pin-file "$WORK/admin.pin"
check "the hub ends its session" until_true 30 sessions_are 1
check "the hub knows it as withdrawn" knows_withdrawn hub
check "the other console learns it" until_true 30 knows_withdrawn c2
check "the stolen console is cut off" until_true 40 eval '! phase_is c1 live'
check "all within a minute" [ $((SECONDS - start)) -le 60 ]
heads=$(davy log --dir "$WORK/hub" --json | grep -c .)
davy alarm comment PT-1 "thief" --dir "$WORK/c1" --number 11 --pin-file "$WORK/pin" >/dev/null 2>&1
sleep 3
check "what it says now reaches nobody" eval '! davy log --dir "$WORK/hub" | grep -q "alarm comment"'
check "the log tells what was good" eval 'davy log --dir "$WORK/hub" | grep -q "last good records stated"'
check "its acknowledgement from before stands" eval \
  'davy log --dir "$WORK/hub" | grep "alarm acknowledged" | grep accepted | grep -vq disputed'
check "the hub refuses its greeting after a restart" eval \
  'kill "$hub" && wait "$hub" 2>/dev/null; start_hub && until_true 30 phase_is hub serving && sleep 3 && ! phase_is c1 live'

# ---- Rotation of the root keys ----
start=$SECONDS
echo 13572468 >"$WORK/old.pin"
echo 90817263 >"$WORK/new.pin"
old() { davy "$@" --root "$WORK/hub/roots/root-1.key" --pin-file "$WORK/old.pin"; }
check "a new root key is made" eval 'davy roots make "$WORK/new.key" --pin-file "$WORK/new.pin" >"$WORK/new.public"'
check "the old key proposes it" old roots change "$(cat "$WORK/new.public")" --dir "$WORK/hub"
check "not yet in force" eval 'davy roots show --dir "$WORK/hub" | grep -q proposed'
check "the new key seconds it" \
  davy roots second --dir "$WORK/hub" --root "$WORK/new.key" --pin-file "$WORK/new.pin"
check "in force at the hub" eval 'davy roots show --dir "$WORK/hub" | grep -q retired'
check "in force at the console" until_true 30 eval 'davy roots show --dir "$WORK/c2" | grep -q retired'
for who in hub c2; do
  check "$who refuses the old key a role" refused old person grant 11 admin --dir "$WORK/$who"
  check "$who refuses the old key a change" refused old roots change "$(cat "$WORK/new.public")" --dir "$WORK/$who"
  check "$who refuses the old key a withdrawal" refused old device revoke c2 --reason x --dir "$WORK/$who"
done
check "the new key works" davy person grant 12 inspector --dir "$WORK/hub" --root "$WORK/new.key" --pin-file "$WORK/new.pin"
check "all within five minutes" [ $((SECONDS - start)) -le 300 ]

for c in c1 c2; do tmux -L "davy$$" send-keys -t "$c" q; done
sleep 1
tmux -L "davy$$" kill-server 2>/dev/null
for who in hub c2; do
  check "verify $who" eval 'davy verify --dir "$WORK/$who" | grep -q "Broken *nothing"'
done
exit $failed

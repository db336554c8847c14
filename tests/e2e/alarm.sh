#!/usr/bin/env bash
# A real alarm from a sensor to signed acknowledgements on two consoles, one of them cut off.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

keys() { tmux -L "davy$$" send-keys -t "$1" "${@:2}"; }
screen_of() { tmux -L "davy$$" capture-pane -p -t "$1"; }
shows() { screen_of "$1" | grep -q -- "$2"; }
open_console() {
  tmux -L "davy$$" -f /dev/null new-session -d -s "$1" -x 100 -y 30 \
    "LC_ALL=C.UTF-8 '$BUILD/davy' --dir '$WORK/$1' --lang en 2>'$WORK/$1.err'"
}
sign_in() { # the first in the list is the one with a key here
  until_true 10 shows "$1" "Operator"
  keys "$1" 1
  sleep 0.3
  keys "$1" 11111111 Enter
  until_true 10 shows "$1" "Reaction"
}
acked() { "$BUILD/davy" alarm show "$2" --dir "$WORK/$1" --json | grep -q "\"state\":\"A\""; }
active() { "$BUILD/davy" alarm list --dir "$WORK/$1" --json | grep -c "\"tag\""; }
active_is() { [ "$(active "$1")" = "$2" ]; }

check "a site is founded and both consoles join" eval 'make_site c1 c2 && join c1 && join c2'
check "an operator's first use of each console" eval 'first_use c1 11 && first_use c2 12'
open_console c1
open_console c2
check "both sign in" eval 'sign_in c1 && sign_in c2'
publish '{"tag":"PT-1","v":2950}'
check "the hub raises both limits" until_true 10 active_is hub 2
check "console 1 shows the alarms" until_true 10 shows c1 '!1:1'
check "console 2 shows the alarms" until_true 10 shows c2 '!1:1'
check "the console's store holds them" until_true 10 active_is c1 2

# Console 2 is cut off, acknowledges, and comes back.
kill "$broker" && wait "$broker" 2>/dev/null
check "a cut-off console says so" until_true 20 eval 'screen_of c2 | grep -qiE "cut off|offline|stale|no link"'
echo 11111111 >"$WORK/pin"
check "console 2 acknowledges while cut off" \
  "$BUILD/davy" alarm ack PT-1 --dir "$WORK/c2" --number 12 --pin-file "$WORK/pin" --comment "见 seen"
check "its own picture shows it" eval '"$BUILD/davy" log --dir "$WORK/c2" | grep -q "alarm acknowledged"'
check "the hub does not know yet" eval '! "$BUILD/davy" log --dir "$WORK/hub" | grep -q "alarm acknowledged"'
check "the broker comes back" start_broker
check "the hub accepts the acknowledgement" \
  until_true 40 eval '"$BUILD/davy" log --dir "$WORK/hub" | grep "alarm acknowledged" | grep -q accepted'
check "console 1 agrees" \
  until_true 40 eval '"$BUILD/davy" log --dir "$WORK/c1" | grep "alarm acknowledged" | grep -q accepted'

for who in hub c1 c2; do
  check "verify $who" eval '"$BUILD/davy" verify --dir "$WORK/$who" | grep -q "Broken *nothing"'
done
for c in c1 c2; do keys "$c" q; done
tmux -L "davy$$" kill-server 2>/dev/null
exit $failed

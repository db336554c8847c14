#!/usr/bin/env bash
# kill -9 of hub, console and broker in turn while people acknowledge: nothing that was reported is lost.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
ROUNDS=${ROUNDS:-6}

start_console() {
  tmux -L "davyk$$" -f /dev/null new-session -d -s c1 -x 80 -y 24 \
    "exec env LC_ALL=C.UTF-8 '$BUILD/davy' --dir '$WORK/c1' --lang en --observe"
  until_true 10 console_answers
}
console_answers() { "$BUILD/davy" sync status --dir "$WORK/c1" --json | grep -q '"phase"'; }
console_pid() { pgrep -f -- "davy --dir $WORK/c1 --lang en --observe" | tail -n 1; }
on_hub() { "$BUILD/davy" alarm list --dir "$WORK/hub" --json | grep -q '"tag":"PT-1"'; }
on_console() { "$BUILD/davy" alarm list --dir "$WORK/c1" --json | grep -q '"tag":"PT-1"'; }
comments() { "$BUILD/davy" log --dir "$WORK/$1" --limit 1000 | grep 'alarm comment' | grep -c accepted; }
comments_are() { [ "$(comments "$1")" = "$2" ]; }

check "a site with one console" eval 'make_site c1 && join c1 && first_use c1 11 && start_console'
publish '{"tag":"PT-1","v":2950}'
check "the alarm is at the hub" until_true 10 on_hub
check "the alarm is at the console" until_true 10 on_console
echo 11111111 >"$WORK/pin"
written=0
for ((round = 0; round < ROUNDS; round++)); do
  for _ in 1 2 3; do
    "$BUILD/davy" alarm comment PT-1 "round $round" --dir "$WORK/c1" --number 11 --pin-file "$WORK/pin" \
      >"$WORK/comment.log" 2>&1 && written=$((written + 1))
  done
  case $((round % 3)) in
  0) kill -9 "$hub" && wait "$hub" 2>/dev/null; start_hub ;;
  1) kill -9 "$(console_pid)"; until_true 5 eval '! pgrep -f -- "davy --dir $WORK/c1 --lang" >/dev/null'
    tmux -L "davyk$$" kill-server 2>/dev/null; start_console ;;
  2) kill -9 "$broker" && wait "$broker" 2>/dev/null; start_broker ;;
  esac || not_ok "restart in round $round"
done
check "acts were made in every round" [ "$written" -ge "$ROUNDS" ]
check "all $written acts are accepted at the hub" until_true 60 comments_are hub "$written"
check "all $written acts are accepted in the console's copy" until_true 60 comments_are c1 "$written"
for who in hub c1; do
  check "verify $who" eval '"$BUILD/davy" verify --dir "$WORK/$who" | grep -q "Broken *nothing"'
done
tmux -L "davyk$$" kill-server 2>/dev/null
exit $failed

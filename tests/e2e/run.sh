#!/usr/bin/env bash
# make run opens a console with somebody who acts, and nothing outlives it, however it ends.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

# What is built already, with a demonstration of its own beside it.
out=$WORK/out
mkdir "$out"
for built in "$BUILD"/*; do
  [ "$(basename "$built")" = demo ] || ln -s "$(realpath "$built")" "$out/"
done

# A server that is about to end still answers: each demonstration has a server of its own.
servers=0
tm() { tmux -L "davyr$$-$servers" "$@"; }
screen_of() { tm capture-pane -p -t run; }
shows() { screen_of | grep -q -- "$1"; }
make_pid() { pgrep -P "$(tm list-panes -t run -F '#{pane_pid}')" -x make; }
left() { pgrep -f -- "$out/" | grep -v "^$$\$"; }
none_left() { ! left; }
open_demo() {
  servers=$((servers + 1))
  tm -f /dev/null new-session -d -s run -x 100 -y 30 \
    "env LC_ALL=C.UTF-8 LANGUAGE= OUT='$out' make run 'OUT=$out'; echo ended; read -r _; stty -a; sleep 60"
  until_true 90 shows "with Enter at once" && tm send-keys -t run Enter && until_true 20 shows "Overview"
}
close_demo() { tm kill-server 2>/dev/null; }

check "make run opens the console" open_demo
check "with somebody who acts" until_true 10 shows "Li Wei"
check "and says the PIN" until_true 5 shows "PIN 11111111"
check "the PINs are in a file" grep -q 22222222 "$out/demo/pins.txt"
check "broker, hub, data and console run" [ "$(left | wc -l)" -ge 4 ]
check "leaving the console" eval 'tm send-keys -t run Q; until_true 5 shows "Yes"; tm send-keys -t run y'
check "ends all of it" until_true 15 none_left
check "and names the PINs again" until_true 5 shows "pins.txt"
close_demo
for name in INT HUP TERM KILL; do
  check "make run once more" open_demo
  check "make alone gets $name" kill -s $name "$(make_pid)"
  check "nothing is left" until_true 15 none_left
  tm send-keys -t run Enter
  check "the terminal is as it was" until_true 5 eval 'shows " icanon" && shows " echo "'
  close_demo
done
exit $failed

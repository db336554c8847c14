#!/usr/bin/env bash
# A console that signs a person in by itself: on a demonstration site only.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

screen_of() { tmux -L "davys$$" capture-pane -p -t c1; }
shows() { screen_of | grep -q -- "$1"; }
# refuses CODE WORD COMMAND...: ends with the code, says the word, and takes no screen.
refuses() {
  local code=$1 word=$2 got=0
  shift 2
  "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || got=$?
  [ "$got" = "$code" ] && [ ! -s "$WORK/out" ] && grep -q -- "$word" "$WORK/err"
}

# A real site has its own PINs.
printf '35792468\n86420975\n' >"$WORK/founders"
head -n 1 "$WORK/founders" >"$WORK/wrong"
tail -n 1 "$WORK/founders" >"$WORK/admin"
write_site
check "a real site is founded" "$BUILD/davy" site init --dir "$WORK/real" --name "Plant" --admin "Wang" --number 1 \
  --pin-file "$WORK/founders" --site "$WORK/site.ini"
check "a real site refuses --sign-in" \
  refuses 1 "demonstration site" "$BUILD/davy" --dir "$WORK/real" --lang en --sign-in 1 --pin-file "$WORK/admin"
check "in Chinese, too" \
  refuses 1 "演示单位" "$BUILD/davy" --dir "$WORK/real" --lang zh --sign-in 1 --pin-file "$WORK/admin"

check "a demonstration site with one console" eval 'make_site c1 && join c1 && first_use c1 11'
echo 11111111 >"$WORK/pin"
console=("$BUILD/davy" --dir "$WORK/c1" --lang en)
check "another PIN is refused" refuses 1 "PIN" "${console[@]}" --sign-in 11 --pin-file "$WORK/wrong"
check "a person without a key here is refused" refuses 1 . "${console[@]}" --sign-in 12 --pin-file "$WORK/pin"
check "a missing file is named" refuses 1 "--pin-file" "${console[@]}" --sign-in 11 --pin-file "$WORK/none"
check "--sign-in needs --pin-file" refuses 2 "--pin-file" "${console[@]}" --sign-in 11
check "a theme stands behind its option" refuses 2 "--theme" "$BUILD/davy" --theme themes/none.ini --sign-in 11

tmux -L "davys$$" -f /dev/null new-session -d -s c1 -x 100 -y 30 \
  "exec env LC_ALL=C.UTF-8 '$BUILD/davy' --dir '$WORK/c1' --lang en --sign-in 11 --pin-file '$WORK/pin'"
check "the console opens with the overview" until_true 10 shows "Reaction"
check "the person acts" until_true 5 shows "Operator 11"
check "the PIN can be read" until_true 5 shows "PIN 11111111"
tmux -L "davys$$" kill-server 2>/dev/null
exit $failed

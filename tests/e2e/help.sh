#!/usr/bin/env bash
# Every command of every program explains itself, without a store and without a broker.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

# helps WORD COMMAND...: help on stdout that holds the word, nothing on stderr, exit code 0.
helps() {
  local word=$1 said
  shift
  said=$("$@" 2>"$WORK/err") && [ ! -s "$WORK/err" ] && grep -q -- "$word" <<<"$said"
}
commands() { # "alarm list", "join", ...: as completion offers them
  local first second
  for first in $("$BUILD/davy" complete ''); do
    second=$("$BUILD/davy" complete "$first" '' | grep -v '^--')
    if [ -n "$second" ]; then
      sed "s/^/$first /" <<<"$second"
    else
      echo "$first"
    fi
  done
}

commands >"$WORK/commands"
check "there are commands" [ "$(wc -l <"$WORK/commands")" -gt 20 ]
while read -r -a words; do
  check "davy ${words[*]} --help" helps "${words[*]}" "$BUILD/davy" "${words[@]}" --help
done <"$WORK/commands"
check "davy --help" helps "alarm list" "$BUILD/davy" --help
check "options before --help do not matter" helps "--invite" "$BUILD/davy" join --dir "$WORK/x" --help
for verb in fuzz replay; do
  check "davysim $verb --help" helps "$verb" "$BUILD/davysim" $verb --help
done
exit $failed

#!/usr/bin/env bash
# Every reading that the broker delivers is taken: none falls between two rounds of the hub's loop.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
COUNT=${COUNT:-40000}

stored() { "$BUILD/davy" sync status --dir "$WORK/hub" --json | grep -oE '"readings_stored":[0-9]+' | cut -d: -f2; }
stored_is() { [ "$(stored)" = "$1" ]; }

check "a site without consoles" make_site
now=$(($(date +%s) * 1000))
for ((i = 0; i < COUNT; i++)); do
  echo "{\"tag\":\"LT-2\",\"t\":$((now + i / 100)),\"v\":$((30 + i % 50))}"
done >"$WORK/readings"
# The hub stands still while they queue up, so that one round cannot take them all.
kill -STOP "$hub"
mosquitto_pub -h 127.0.0.1 -p "$PORT" -u plant -P secret-plant -q 1 -t plant/gw1 -l <"$WORK/readings"
kill -CONT "$hub"
check "all $COUNT readings are stored" until_true 30 stored_is "$COUNT"
exit $failed

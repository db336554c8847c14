#!/usr/bin/env bash
# Recorded data through a real broker: messages of as many readings as were asked for, none lost.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

stored_is() { "$BUILD/davy" sync status --dir "$WORK/hub" --json | grep -q "\"readings_stored\":$1[,}]"; }
listen() { # MESSAGES FILE
  stdbuf -oL mosquitto_sub -h 127.0.0.1 -p "$PORT" -u hub -P secret-hub -i listener -q 1 -t 'plant/#' -C "$1" -W 20 -d >"$2" &
  listener=$!
  pids+=("$listener")
  until_true 10 grep -q SUBACK "$2"
}
replay() {
  "$BUILD/davysim" replay --broker "127.0.0.1:$PORT" --account plant --password-file "$WORK/plant.password" \
    --plant "$WORK/plant.json" --speed 1000 "$@" "$WORK/data.csv"
}
readings_of() { grep -o '"tag"' <<<"$1" | wc -l; }
# The messages of a file hold these numbers of readings.
sizes_are() {
  local wanted=$1 line got=""
  while read -r line; do got="$got $(readings_of "$line")"; done < <(grep '^{' "$2")
  [ "$got" = " $wanted" ]
}

cat >"$WORK/plant.json" <<'EOT'
{"tags":[{"tag":"PT-1","name":"P","unit":"kPa","column":2,"limits":{"H":{"value":2800,"priority":"high"}}},
{"tag":"LT-2","name":"L","unit":"%","column":3,"limits":{"L":{"value":20,"priority":"high"}}}]}
EOT
{
  echo "time,PT-1,LT-2"
  for i in 0 1 2 3 4 5 6 7 8 9; do echo "2026-01-01T00:00:0${i}Z,27$i$i.5,5$i"; done
} >"$WORK/data.csv"

check "a site without consoles" make_site
total=0
while read -r size messages sizes; do
  listen "$messages" "$WORK/got"
  check "replay --batch $size" replay --batch "$size"
  wait "$listener"
  check "messages of $sizes readings" sizes_are "$sizes" "$WORK/got"
  total=$((total + 20))
  check "the hub took all of them" until_true 10 stored_is "$total"
done <<'EOT'
8 3 8 8 4
1 20 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
3 7 3 3 3 3 3 3 2
1000 1 20
EOT
listen 10 "$WORK/got"
check "without --batch" replay
wait "$listener"
check "one sample is one message" sizes_are "2 2 2 2 2 2 2 2 2 2" "$WORK/got"
for wrong in 0 1001 x -1; do
  check "--batch $wrong is refused" eval "replay --batch $wrong; [ \$? = 2 ]"
done
exit $failed

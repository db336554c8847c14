#!/usr/bin/env bash
# An enterprise under a park under a city: three hubs, each with its own broker. What is said for the
# city arrives there through the park, an order comes down, and a line that was cut catches up.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

TOP=$WORK
declare -A port hub_pid broker_pid site
davy() { "$BUILD/davy" "$@"; }
at() { echo "$TOP/$1/hub"; }
# copy WHERE OF: the folder of its copy at a hub above; parent_copy: at a hub below
copy() { echo "$TOP/$1/hub/children/${site[$2]}"; }
parent_copy() { echo "$TOP/$1/hub/parents/${site[$2]}"; }

start_tier_broker() {
  mosquitto -c "$(at "$1")/broker/mosquitto.conf" 2>>"$TOP/$1/mosquitto.log" &
  broker_pid[$1]=$!
  pids+=("${broker_pid[$1]}")
  until_true 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/${port[$1]}"
}
start_tier_hub() {
  "$BUILD/davyd" --dir "$(at "$1")" --config "$TOP/$1/davyd.conf" 2>>"$TOP/$1/davyd.log" &
  hub_pid[$1]=$!
  pids+=("${hub_pid[$1]}")
  until_true 10 eval "davy sync status --dir '$(at "$1")' --json | grep -q '\"phase\"'"
}
end() { kill "$1" && wait "$1" 2>/dev/null; } 2>/dev/null
stop_tier() {
  end "${hub_pid[$1]}"
  end "${broker_pid[$1]}"
  true
}
start_tier() { start_tier_broker "$1" && start_tier_hub "$1"; }

make_tier() {
  mkdir -p "$TOP/$1"
  printf '[site]\nname = %s\n[area A1]\nname = A1\n' "$2" >"$TOP/$1/site.ini"
  port[$1]=$(free_port)
  davy site init --dir "$(at "$1")" --name "$2" --site "$TOP/$1/site.ini" --demo &&
    davy broker write --dir "$(at "$1")" --loopback "127.0.0.1:${port[$1]}" || return 1
  site[$1]=$(davy site show --dir "$(at "$1")" --json | grep -oE '"site":"[0-9a-f]{32}"' | cut -d'"' -f4)
  printf '[broker]\nfolder = %s/broker\n[site]\nfile = %s/site.ini\n' "$(at "$1")" "$TOP/$1" >"$TOP/$1/davyd.conf"
  start_tier "$1"
}
# under CHILD PARENT [OPTION...]: both admins sign
under() {
  local child=$1 parent=$2 card pass
  shift 2
  card=$(davy child card --dir "$(at "$child")") &&
    pass=$(davy child add "$card" --dir "$(at "$parent")" --demo 2>/dev/null) &&
    echo "$pass" >"$TOP/$child.$parent.pass" &&
    davy parent add "$pass" --dir "$(at "$child")" --demo "$@"
}
say() {
  echo 24681357 >"$TOP/pin"
  davy remark add "$3" --audience "$2" --dir "$(at "$1")" --number 100 --pin-file "$TOP/pin"
}
# eventually COMMAND...: within a minute; each look is a program of its own, so there are few
eventually() {
  local end=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.3
  done
}
reads() { davy remark list --dir "$1" --json 2>/dev/null | grep -q "\"text\":\"$2\""; }
soon() { eventually reads "$1" "$2"; }
# refuses NAME WORDS COMMAND...: the command fails and says so
refuses() {
  local name=$1 words=$2
  shift 2
  check "$name" fails_with "$words" "$@"
}
fails_with() {
  local words=$1
  shift
  ! davy "$@" 2>"$TOP/said" && grep -q -- "$words" "$TOP/said"
}
# lists WHICH HUB PATTERN
lists() { davy "$1" list --dir "$(at "$2")" --json | grep -q "$3"; }
orders() { davy order list --dir "$(at enterprise)" --json | grep -c "\"text\":\"$1\""; }
cut_off() { davy "$1" list --dir "$(at "$2")" --json | grep -q '"link":"offline"\|"link":"greeting"'; }

check "an enterprise" make_tier enterprise "企业 Enterprise"
check "a park" make_tier park "园区 Park"
check "a city" make_tier city "城市 City"

card=$(davy child card --dir "$(at enterprise)")
refuses "its own card is no other site's" "this site itself" child add "$card" --dir "$(at enterprise)" --demo
refuses "a card with a letter wrong is seen" "not whole" child add "${card/%?/}" --dir "$(at park)" --demo
refuses "an invite is no card" "another text" child add DAVY1-AAAA --dir "$(at park)" --demo
refuses "a card is no pass" "another text" parent add "$card" --dir "$(at enterprise)" --demo

check "the enterprise stands under the park" under enterprise park --orders remark.add
check "the park stands under the city" under park city
pass=$(<"$TOP/enterprise.park.pass")
refuses "the park is known already" "stands here already" parent add "$pass" --dir "$(at enterprise)" --demo
refuses "and the enterprise there" "stands here already" child add "$card" --dir "$(at park)" --demo
refuses "another site's pass is of no use" "another site" parent add "$pass" --dir "$(at city)" --demo
refuses "what may be ordered has a name" "no.such" parent add "$pass" --dir "$(at enterprise)" --demo --orders no.such
check "the password is kept for the owner alone" eval '[ "$(stat -c %a "$(parent_copy enterprise park)/device.ini")" = 600 ] && [ "$(stat -c %a "$(parent_copy enterprise park)")" = 700 ]'

check "said at the enterprise for everybody above, for the park, for itself" \
  eval 'say enterprise city "for the city" && say enterprise park "for the park" && say enterprise site "ours alone"'
check "the park reads it" soon "$(copy park enterprise)" "for the city"
check "the city reads it through the park" soon "$(copy city enterprise)" "for the city"
check "the park reads what is for it" soon "$(copy park enterprise)" "for the park"
check "the city does not" eval '! reads "$(copy city enterprise)" "for the park"'
check "nobody reads what the enterprise keeps" eval '! reads "$(copy park enterprise)" "ours alone" && ! reads "$(copy city enterprise)" "ours alone"'
check "the park's list shows the enterprise, live and complete" eventually lists child park '"site":"'"${site[enterprise]}"'".*"relayed":false,"link":"live",.*"behind":0,"heard":"20'
check "the city's shows both" eval 'lists child city "\"relayed\":false,\"link\":\"live\"" && lists child city "\"relayed\":true,\"link\":\"live\""'
check "the enterprise's shows the park" eventually lists parent enterprise '"site":"'"${site[park]}"'".*"link":"live"'

check "the park orders" say park park "no hot work in this wind"
check "the order stands in the enterprise's own log" eventually eval '[ "$(orders "no hot work in this wind")" = 1 ]'
check "under the park's name" eval 'davy order list --dir "$(at enterprise)" --json | grep -q "\"from\":\"园区 Park\",\"kind\":\"remark.add\""'
check "the city may order nothing" eval 'say city park "from the city" && eventually reads "$(parent_copy park city)" "from the city" && ! davy order list --dir "$(at park)" --json | grep -q "from the city"'

check "the park falls silent" stop_tier park
check "its neighbours see it" eval 'eventually cut_off parent enterprise'
check "work goes on without it" eval 'for i in 1 2 3 4 5; do say enterprise city "meanwhile $i" || exit 1; done'
check "the park comes back" start_tier park
check "it reads what it missed" soon "$(copy park enterprise)" "meanwhile 5"
check "so does the city" eval 'for i in 1 2 3 4 5; do soon "$(copy city enterprise)" "meanwhile $i" || exit 1; done'

check "the enterprise's hub starts anew" eval 'end "${hub_pid[enterprise]}"; start_tier_hub enterprise'
check "it serves again" eventually lists parent enterprise '"link":"live"'
check "and takes the next order" eval 'say park city "hot work is free again" && eventually eval "[ \"\$(orders \"hot work is free again\")\" = 1 ]"'
check "the first was carried once" eval '[ "$(orders "no hot work in this wind")" = 1 ]'

folders=("$(at enterprise)" "$(at park)" "$(at city)" "$(copy park enterprise)" "$(copy city enterprise)"
  "$(copy city park)" "$(parent_copy enterprise park)" "$(parent_copy park city)")
check "every log verifies, every copy, too" eval 'for f in "${folders[@]}"; do davy verify --dir "$f" --json | grep -q "\"ok\":true" || { echo "$f"; exit 1; }; done'
check "a copy is read like any log" eval 'davy log --dir "$(copy city enterprise)" --json | grep -q "\"kind\":\"remark.add\""'
check "and written into a file that verifies" eval 'davy export "$TOP/copy.davy" --dir "$(copy park enterprise)" --all && scripts/verify-bundle "${site[enterprise]}" "$TOP/copy.davy"'
refuses "nobody acts in a copy" "only read" remark add x --number 100 --pin-file "$TOP/pin" --dir "$(copy city enterprise)"

for tier in enterprise park city; do stop_tier "$tier"; done
check "the lists stand without davyd" eval 'lists child park "\"entries\":[1-9]" && lists parent enterprise "\"link\":\"offline\""'

exit "$failed"

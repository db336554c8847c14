# What end-to-end scripts share: a site in a folder of its own, a real broker on a free loopback port, the
# hub, devices. Source it; every process started here is ended by its pid when the script ends.
#
#   BUILD  where the programs are (default build)      WORK  the script's folder, removed at the end
set -u
BUILD=${BUILD:-build}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/davy-e2e-XXXXXX")
pids=()
failed=0

finish() {
  local i
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null && wait "${pids[i]}" 2>/dev/null
  done
  [ -n "${KEEP:-}" ] || rm -rf "$WORK"
}
trap finish EXIT

ok() { echo "ok $1"; }
not_ok() {
  echo "not ok $1"
  failed=1
}
# check NAME COMMAND...: one test.
check() {
  local name=$1
  shift
  if "$@" >"$WORK/check.log" 2>&1; then
    ok "$name"
  else
    not_ok "$name"
    tail -n 15 "$WORK/check.log" | sed 's/^/#   /'
  fi
}
# until_true SECONDS COMMAND...: waits on a condition, bounded.
until_true() {
  local tries=$(($1 * 20))
  shift
  until "$@" >/dev/null 2>&1; do
    ((--tries > 0)) || return 1
    sleep 0.05
  done
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

write_site() {
  cat >"$WORK/site.ini" <<'EOT'
[site]
name = 试验装置 Test unit
[area R1]
name = 反应 Reaction
[area S1]
name = 分离 Separation
[gateway gw1]
name = PLC 1
stale_s = 600
[tag PT-1]
name = 反应器压力 Reactor pressure
area = R1
gateway = gw1
unit = kPa
range = 0 .. 4000
H = 2800 deadband=10 priority=2
HH = 2900 deadband=10 priority=1
consequence = 泄压 Relief
action = 减料 Reduce feed
respond_s = 300
[tag LT-2]
name = 液位 Level
area = S1
gateway = gw1
unit = %
range = 0 .. 100
L = 20 deadband=2 priority=3
consequence = 抽空 Pump runs dry
action = 停泵 Stop pump
respond_s = 600
[mapping plant]
topic = plant/#
EOT
}

# One account a device; each may only use its own topics.
write_broker() {
  local site=$1 account
  shift
  {
    echo "per_listener_settings false"
    echo "listener $PORT 127.0.0.1"
    echo "allow_anonymous false"
    echo "password_file $WORK/passwords"
    echo "acl_file $WORK/acl"
    echo "persistence false"
    echo "set_tcp_nodelay true"
    echo "max_inflight_messages 1000"
    echo "max_queued_messages 100000"
    echo "message_size_limit 300000"
    echo "log_dest file $WORK/mosquitto.log"
    [ "$(id -u)" != 0 ] || echo "user root"
  } >"$WORK/mosquitto.conf"
  : >"$WORK/passwords"
  for account in hub plant "$@"; do
    echo "secret-$account" >"$WORK/$account.password"
    echo "$account:secret-$account" >>"$WORK/passwords"
  done
  mosquitto_passwd -U "$WORK/passwords"
  {
    printf 'user hub\ntopic read davy/%s/u/#\ntopic read davy/%s/j/+/u\ntopic read plant/#\n' "$site" "$site"
    printf 'topic write davy/%s/d/#\ntopic write davy/%s/j/+/d\ntopic write davy/%s/v/#\n' "$site" "$site" "$site"
    printf 'user plant\ntopic write plant/#\n'
    for account in "$@"; do
      printf 'user %s\ntopic write davy/%s/u/%s\ntopic write davy/%s/j/%s/u\n' \
        "$account" "$site" "$account" "$site" "$account"
      printf 'topic read davy/%s/d/%s\ntopic read davy/%s/j/%s/d\ntopic read davy/%s/v/#\n' \
        "$site" "$account" "$site" "$account" "$site"
    done
  } >"$WORK/acl"
}

start_broker() {
  mosquitto -c "$WORK/mosquitto.conf" >/dev/null 2>&1 &
  broker=$!
  pids+=("$broker")
  until_true 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT"
}

start_hub() {
  "$BUILD/davyd" --dir "$WORK/hub" --config "$WORK/davyd.conf" 2>>"$WORK/davyd.log" &
  hub=$!
  pids+=("$hub")
  until_true 10 hub_answers
}

hub_answers() { "$BUILD/davy" sync status --dir "$WORK/hub" --json | grep -q '"phase"'; }

# A site with two operators (numbers 11 and 12) and the devices that are named.
make_site() {
  PORT=$(free_port)
  write_site
  "$BUILD/davy" site init --dir "$WORK/hub" --name "试验 Test" --site "$WORK/site.ini" --demo >"$WORK/pins" || return 1
  local site
  site=$("$BUILD/davy" site show --dir "$WORK/hub" --id)
  write_broker "${site:0:8}" "$@"
  printf '[broker]\nhost = 127.0.0.1\nport = %s\naccount = hub\npassword_file = %s/hub.password\n[site]\nfile = %s/site.ini\n' \
    "$PORT" "$WORK" "$WORK" >"$WORK/davyd.conf"
  start_broker && start_hub || return 1
  local n
  for n in 11 12; do
    "$BUILD/davy" person add --dir "$WORK/hub" --name "Operator $n" --number "$n" --role operator --demo || return 1
  done
}

# join DEVICE: invited, joined, confirmed by the admin.
join() {
  local device=$1 code
  "$BUILD/davy" device invite --dir "$WORK/hub" --name "$device" --kind console --broker "127.0.0.1:$PORT" \
    --account "$device" --password-file "$WORK/$device.password" >"$WORK/$device.invite" || return 1
  "$BUILD/davy" join --dir "$WORK/$device" --invite "$(<"$WORK/$device.invite")" --timeout 30 \
    >"$WORK/$device.join" &
  local joiner=$!
  until_true 10 grep -q 'hort code' "$WORK/$device.join" || return 1
  code=$(grep -oE '[0-9]{6}' "$WORK/$device.join" | head -n 1)
  until_true 10 bash -c "'$BUILD/davy' device joins --dir '$WORK/hub' | grep -q $code" || return 1
  "$BUILD/davy" device confirm "$code" --dir "$WORK/hub" --demo || return 1
  wait "$joiner"
}

# first_use DEVICE NUMBER: the person's key on that device, under the PIN 11111111.
first_use() {
  local code
  echo 11111111 >"$WORK/pin"
  code=$("$BUILD/davy" person code "$2" --dir "$WORK/hub" | grep -oE '[0-9]{8}' | head -n 1)
  "$BUILD/davy" first-use --dir "$WORK/$1" --number "$2" --code "$code" --pin-file "$WORK/pin"
}

publish() {
  mosquitto_pub -h 127.0.0.1 -p "$PORT" -u plant -P secret-plant -q 1 -t plant/gw1 -m "$1"
}

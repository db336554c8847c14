#!/usr/bin/env bash
# A site whose broker stands open to other machines: accounts, rights and certificates from the roster,
# keys made by enrolling, a device by certificate and one by pre-shared key, both withdrawn at the end.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

davy() { "$BUILD/davy" "$@"; }
B=$WORK/hub/broker

serve_site() {
  PORT=$(free_port) TLS=$(free_port) PSK=$(free_port)
  write_site
  davy site init --dir "$WORK/hub" --name "试验 Test" --site "$WORK/site.ini" --demo >"$WORK/pins" || return 1
  davy broker write --dir "$WORK/hub" --loopback "127.0.0.1:$PORT" --tls "127.0.0.1:$TLS" --psk "127.0.0.1:$PSK" &&
    davy broker account plant --dir "$WORK/hub" --topics 'plant/#' --json >"$WORK/plant.json" || return 1
  printf '[broker]\nfolder = %s\n' "$B" >"$WORK/davyd.conf"
  mosquitto -c "$B/mosquitto.conf" 2>"$WORK/mosquitto.log" &
  broker=$!
  pids+=("$broker")
  until_true 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT" && start_hub
}
# joins DEVICE [OPTION...]: with the account c-DEVICE
joins() {
  local device=$1 code joiner
  shift
  davy device invite --dir "$WORK/hub" --name "$device" --account "c-$device" >"$WORK/$device.invite" || return 1
  davy join --dir "$WORK/$device" --invite "$(<"$WORK/$device.invite")" --timeout 30 "$@" \
    >"$WORK/$device.join" 2>&1 &
  joiner=$!
  until_true 10 grep -q 'hort code' "$WORK/$device.join" || return 1
  code=$(grep -oE '[0-9]{6}' "$WORK/$device.join" | head -n 1)
  until_true 10 bash -c "'$BUILD/davy' device joins --dir '$WORK/hub' | grep -q $code" || return 1
  davy device confirm "$code" --dir "$WORK/hub" --demo || return 1
  wait "$joiner"
}
address_of() { sed -n 's/^address = //p' "$WORK/$1/device.ini"; }
serves() { davy sync status --dir "$WORK/$1" --json 2>/dev/null | grep -q '"linked":true'; }
open_console() {
  tmux -L "davyt$$" -f /dev/null new-session -d -s "$1" -x 80 -y 24 \
    "exec env LC_ALL=C.UTF-8 '$BUILD/davy' --dir '$WORK/$1' --lang en --observe 2>'$WORK/$1.err'"
  until_true 20 serves "$1"
}
# Can one come in at all? A certificate is judged before anything else is said.
by_certificate() {
  timeout 5 mosquitto_pub -h 127.0.0.1 -p "$TLS" --cafile "$WORK/$1/keys/site-ca.crt" \
    --cert "$WORK/$1/keys/tls.crt" --key "$WORK/$1/keys/tls.key" -q 1 -t "davy/x" -m x
}

check "a site with three doors" serve_site
check "the secrets are their owner's alone" \
  eval '[ "$(stat -c %a "$B/accounts" "$B/psk" "$B/passwords" "$B/broker.key" "$WORK/hub/keys/site-ca.key" | sort -u)" = 600 ]'
check "the authority has a fingerprint" eval 'davy broker ca --dir "$WORK/hub" --json | grep -qE "\"sha256\":\"[0-9a-f]{64}\""'
check "a console joins by pre-shared key and gets a certificate" joins c1
check "it uses the certificate's door from then on" eval '[ "$(address_of c1)" = "tls:127.0.0.1:$TLS" ]'
check "its key was made on it and fits" eval '[ "$(openssl x509 -in "$WORK/c1/keys/tls.crt" -noout -pubkey)" = "$(openssl pkey -in "$WORK/c1/keys/tls.key" -pubout)" ]'
check "its certificate verifies, and is no server's" \
  eval 'openssl verify -purpose sslclient -CAfile "$WORK/c1/keys/site-ca.crt" "$WORK/c1/keys/tls.crt" && ! openssl verify -purpose sslserver -CAfile "$WORK/c1/keys/site-ca.crt" "$WORK/c1/keys/tls.crt"'
check "a handheld on a thin line stays with its key" joins c2 --thin
check "by its door" eval '[ "$(address_of c2)" = "psk:127.0.0.1:$PSK" ]'
check "both are served" eval 'open_console c1 && open_console c2'
check "nothing older than TLS 1.2 is spoken" \
  eval '! openssl s_client -connect 127.0.0.1:$TLS -tls1_1 -cipher DEFAULT@SECLEVEL=0 </dev/null 2>&1 | grep -q "Cipher is [A-Z]"'
check "a stranger's certificate is turned away" eval 'mkdir -p "$WORK/x/keys" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=c-c1 -keyout "$WORK/x/keys/tls.key" -out "$WORK/x/keys/tls.crt" -days 2 && cp "$WORK/c1/keys/site-ca.crt" "$WORK/x/keys/" && ! by_certificate x'
check "the real one comes in" by_certificate c1
password=$(grep -oE '"password":"[^"]*"' "$WORK/plant.json" | cut -d'"' -f4)
check "a gateway reports, and the hub raises the alarm" eval 'mosquitto_pub -h 127.0.0.1 -p $PORT -u plant -P "$password" -q 1 -t plant/gw1 -m "{\"tag\":\"PT-1\",\"v\":2950}" && until_true 10 eval "davy alarm list --dir $WORK/c1 --json | grep -q PT-1"'

# A plain line to another machine: not even tried.
echo 11111111 >"$WORK/pin"
cp -r "$WORK/c2" "$WORK/c3" && rm -f "$WORK/c3/davy.sock"
sed -i 's/^address = .*/address = 192.0.2.7:1883/' "$WORK/c3/device.ini"
check "a plain line to another machine is refused, and says what to write" \
  eval '! timeout 5 "$BUILD/davy" first-use --dir "$WORK/c3" --number 1 --code 1 --pin-file "$WORK/pin" >"$WORK/plain.err" 2>&1; grep -q "plain:" "$WORK/plain.err"'
printf '[broker]\naddress = 192.0.2.7:1883\naccount = hub\npassword_file = %s/hub.password\n' "$B" >"$WORK/plain.conf"
kill "$hub" && wait "$hub" 2>/dev/null
check "so does davyd" eval '! timeout 5 "$BUILD/davyd" --dir "$WORK/hub" --config "$WORK/plain.conf" 2>"$WORK/plain.err"; grep -q "plain:" "$WORK/plain.err"'
check "the hub itself by certificate, as if the broker were elsewhere" eval 'printf "[broker]\naddress = tls:127.0.0.1:$TLS\naccount = hub\nfolder = $B\npassword_file = $B/hub.password\n" >"$WORK/davyd.conf" && start_hub && until_true 40 eval "davy sync status --dir $WORK/hub --json | grep -q serving"'

if davy help device revoke 2>/dev/null | grep -q "device revoke"; then
  started=$(date +%s)
  echo 24681357 >"$WORK/admin.pin"
  revokes() { davy device revoke "$1" --dir "$WORK/hub" --as 100 --pin-file "$WORK/admin.pin" --reason stolen; }
  check "both devices are revoked" eval 'revokes c-c1 && revokes c-c2'
  check "the certificate opens nothing any more" until_true 20 eval '! by_certificate c1'
  check "nor does the pre-shared key" until_true 20 eval '! grep -q c-c2 "$B/psk"'
  check "neither has a right left" eval '! grep -qE "c-c[12]" "$B/acl"'
  check "within a minute" [ $(($(date +%s) - started)) -lt 60 ]
fi
check "no secret stands in a log" eval '! grep -rqF "$password" "$WORK"/*.log "$WORK"/*.err'
tmux -L "davyt$$" kill-server 2>/dev/null
exit $failed

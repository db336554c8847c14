#!/usr/bin/env bash
# Remarks of a console that is cut off, and everything by file: device, hub, device, auditor.
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh

davy() { "$BUILD/davy" "$@"; }
start_console() {
  tmux -L "davyb$$" -f /dev/null new-session -d -s "$1" -x 80 -y 24 \
    "exec env LC_ALL=C.UTF-8 '$BUILD/davy' --dir '$WORK/$1' --lang en --observe"
  until_true 10 console_answers "$1"
}
console_answers() { davy sync status --dir "$WORK/$1" --json | grep -q '"phase"'; }
stop_console() {
  tmux -L "davyb$$" kill-session -t "$1"
  until_true 10 eval "! console_answers $1"
}
say() { # DEVICE NUMBER TEXT OPTIONS...
  echo 11111111 >"$WORK/pin"
  davy remark add "$3" --dir "$WORK/$1" --number "$2" --pin-file "$WORK/pin" "${@:4}"
}
stage_is() { # DEVICE TEXT STAGE
  davy remark list --dir "$WORK/$1" --json | grep -- "$2" | grep -q "\"stage\":\"$3\""
}
verified() { davy verify --dir "$WORK/$1" | grep -q "Broken *nothing"; }
audited() { # FILE
  scripts/verify-bundle "$SITE" "$WORK/$1" | tee "$WORK/audit.log" && grep -q "broken *nothing" "$WORK/audit.log"
}
entries() { davy log --dir "$WORK/$1" --limit 1000 --json | grep -c '"id"'; }
refused() { # WHAT FILE WORD: by the reader, with that word, and nothing changed
  local before after
  before=$(entries reader)
  ! davy import "$2" --dir "$WORK/reader" >"$WORK/said" 2>&1 || return 1
  cat "$WORK/said"
  grep -q -- "$3" "$WORK/said" || return 1
  after=$(entries reader)
  [ "$before" = "$after" ] && verified reader
}

check "a site, two consoles, and a device that never had a line" \
  eval 'make_site c1 c2 reader && join c1 && join c2 && join reader && first_use c1 11 && first_use c2 12'
SITE=$(davy site show --dir "$WORK/hub" | awk '/^Site/ {print $2}')
check "the consoles open" eval 'start_console c1 && start_console c2'
publish '{"tag":"PT-1","v":2950}'
check "console 2 holds the alarm" until_true 20 eval 'davy alarm list --dir "$WORK/c2" --json | grep -q PT-1'

# Cut off, said, back again.
kill "$broker" && wait "$broker" 2>/dev/null
check "console 2 signs a remark while cut off" say c2 12 "法兰渗漏 flange weeps" --about PT-1 --area R1 --place "三层 level 3"
check "another one for the city" say c2 12 "smell at the fence" --audience city
check "both wait" eval 'stage_is c2 "flange weeps" waiting && stage_is c2 "smell at" waiting'
check "neither is at the hub" eval '! davy remark list --dir "$WORK/hub" | grep -q "flange weeps"'
check "the link comes back" start_broker
check "the hub accepts them" until_true 40 eval 'stage_is hub "flange weeps" accepted && stage_is hub "smell at" accepted'
check "console 1 shows them" until_true 40 eval 'stage_is c1 "flange weeps" accepted && stage_is c1 "smell at" accepted'
check "console 2 knows" until_true 40 stage_is c2 "flange weeps" accepted
for who in hub c1 c2; do check "verify $who" verified "$who"; done
check "the hub exports its log" davy export "$WORK/hub.bundle" --dir "$WORK/hub"
check "an auditor checks it" audited hub.bundle
check "the export is not written over" eval '! davy export "$WORK/hub.bundle" --dir "$WORK/hub"'
check "console 1 exports its copy and its own" davy export "$WORK/c1.bundle" --all --dir "$WORK/c1"
check "an auditor checks that" audited c1.bundle
check "with another site's id it is refused" \
  eval '! scripts/verify-bundle 00000000000000000000000000000001 "$WORK/hub.bundle"'

# No line at all: a file carries it there and back.
kill "$broker" && wait "$broker" 2>/dev/null
stop_console c2
check "nothing to export, it says" eval '! davy export "$WORK/none.bundle" --dir "$WORK/c2" && [ ! -e "$WORK/none.bundle" ]'
check "a remark on console 2" say c2 12 "carried by hand"
check "what the hub lacks leaves by file" davy export "$WORK/up.bundle" --dir "$WORK/c2"
check "the running hub takes it" davy import "$WORK/up.bundle" --dir "$WORK/hub"
check "it is accepted there" until_true 10 stage_is hub "carried by hand" accepted
check "taken twice, it changes nothing" eval 'davy import "$WORK/up.bundle" --dir "$WORK/hub" | grep -q "Taken *0"'
check "the hub's log leaves by file" davy export "$WORK/down.bundle" --dir "$WORK/hub"
check "console 2 takes it" davy import "$WORK/down.bundle" --dir "$WORK/c2"
check "its remark is accepted" stage_is c2 "carried by hand" accepted
check "the running console 1 takes it" davy import "$WORK/down.bundle" --dir "$WORK/c1"
check "and shows the remark" stage_is c1 "carried by hand" accepted
for who in hub c1 c2; do check "verify $who after files" verified "$who"; done
check "console 2 exports everything" davy export "$WORK/c2.bundle" --all --dir "$WORK/c2"
check "an auditor checks that, too" audited c2.bundle
check "what is for the hub is not for a console" \
  eval '! davy import "$WORK/up.bundle" --dir "$WORK/c1" 2>"$WORK/said" && grep -q "nothing for this kind" "$WORK/said"'
davy import "$WORK/davyd.conf" --dir "$WORK/reader" 2>/dev/null # no bundle, but it makes the store
check "a device that knows nobody believes the hub alone" refused stranger "$WORK/up.bundle" "does not know"

# Bad files.
head -c 10485760 /dev/zero >"$WORK/zeros"
truncate -s 600M "$WORK/huge"
printf 'DAVYBNDL' >"$WORK/magic"
: >"$WORK/empty"
mkdir "$WORK/folder"
ln -s hub.bundle "$WORK/link"
mkfifo "$WORK/pipe"
davy site init --dir "$WORK/other" --name Other --demo >/dev/null
davy export "$WORK/other.bundle" --dir "$WORK/other" >/dev/null
size=$(stat -c %s "$WORK/down.bundle")
check "ten megabytes of zeros" refused zeros "$WORK/zeros" "byte 0"
check "half a gigabyte of nothing" refused huge "$WORK/huge" "too large"
check "an empty file" refused empty "$WORK/empty" "byte 0"
check "a name and no more" refused magic "$WORK/magic" "byte 8"
check "a folder" refused folder "$WORK/folder" "no regular file"
check "a link" refused link "$WORK/link" "no regular file"
check "a pipe" refused pipe "$WORK/pipe" "no regular file"
check "a device file" refused device /dev/zero "no regular file"
check "no file" refused none "$WORK/nowhere" "cannot be opened"
check "another site's" refused foreign "$WORK/other.bundle" "another site"
check "damage in a database's place" refused db "$WORK/c1/records.db" "byte 0"
for cut in 1 70 500 $((size / 2)) $((size - 1)); do
  head -c "$cut" "$WORK/down.bundle" >"$WORK/cut"
  check "cut after $cut bytes" refused cut "$WORK/cut" "ends too early"
done
cat "$WORK/down.bundle" "$WORK/empty" <(printf x) >"$WORK/longer"
check "a byte behind the end" refused longer "$WORK/longer" "malformed"

# Changed bytes: Davy and the script say the same of each.
cp "$WORK/down.bundle" "$WORK/mutate.bundle"
python3 tests/e2e/bundle_mutants.py "$BUILD/davy" "$SITE" "$WORK/mutate.bundle" "$WORK/hub" "$WORK/reader" \
  "${FLIPS:-25}" "${RESIGNED:-40}" || failed=1
check "the device without a line takes the log whole" davy import "$WORK/down.bundle" --dir "$WORK/reader"
check "and shows what was carried by hand" stage_is reader "carried by hand" accepted
check "verify the device without a line" verified reader

# A store that somebody changed: both find it.
stop_console c1
python3 - "$WORK" "$BUILD/davy" "$SITE" <<'PY' || failed=1
import os, shutil, sqlite3, subprocess, sys
work, davy, site = sys.argv[1:4]
LAST = "place = (SELECT max(place) FROM entry WHERE length(sig) = 64)"
CHANGES = {
    "a content": "UPDATE entry SET bytes = CAST(substr(bytes, 1, 60) || x'00' || substr(bytes, 62) AS BLOB) "
                 f"WHERE {LAST}",
    "a signature": f"UPDATE entry SET sig = zeroblob(64) WHERE {LAST}",
    "every seal": "UPDATE seal SET sig = zeroblob(64)",
}
failed = 0
for name, sql in CHANGES.items():
    folder, bundle = f"{work}/changed", f"{work}/changed.bundle"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(f"{work}/c1", folder)
    db = sqlite3.connect(f"{folder}/records.db")
    for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {trigger}")
    changed = db.execute(sql).rowcount
    db.commit()
    db.close()
    if os.path.exists(bundle):
        os.unlink(bundle)
    told = subprocess.run([davy, "verify", "--dir", folder], capture_output=True, text=True)
    wrote = subprocess.run([davy, "export", bundle, "--all", "--dir", folder], capture_output=True, text=True)
    audit = subprocess.run(["scripts/verify-bundle", site, bundle], capture_output=True, text=True)
    good = changed > 0 and told.returncode == 1 and (wrote.returncode == 1 or audit.returncode == 1)
    failed |= not good
    print(f"{'ok' if good else 'not ok'} {name} changed in the store is found by davy and by the script")
    if not good:
        print("#  ", changed, told.stdout, told.stderr, wrote.stderr, audit.stdout, audit.stderr)
sys.exit(failed)
PY
tmux -L "davyb$$" kill-server 2>/dev/null
exit $failed

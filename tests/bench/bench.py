#!/usr/bin/env python3
"""make bench: each figure beside the machine's own limit, measured in the same run.

Prints a table and writes BUILD/bench.json, a list of {name, unit, value, reference, ratio, bound, ok}.

    scripts/bench [WORD...]    only the parts whose name holds one of the words: line, storm, admit,
                               latency, acts, readings, ingest, paint-and-memory (acts needs an alarm,
                               so latency comes with it)
    --scale 0.1                a smaller run
    --keep                     leaves the site's folder
"""
import argparse
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import statistics
import struct
import fcntl
import subprocess
import sys
import tempfile
import termios
import time

ARGS = argparse.ArgumentParser(usage="scripts/bench [WORD...] [--scale S] [--keep]")
ARGS.add_argument("build")
ARGS.add_argument("words", nargs="*")
ARGS.add_argument("--scale", type=float, default=1.0)
ARGS.add_argument("--keep", action="store_true")
ARGS = ARGS.parse_args()
BUILD, SCALE = ARGS.build, ARGS.scale
WORK = tempfile.mkdtemp(prefix="davy-bench-")
PORT = 0
procs = []
results = []


def log(text):
    print(text, file=sys.stderr, flush=True)


def note(name, unit, value, reference, bound, smaller):
    ratio = value / reference if reference else 0
    ok = ratio <= bound if smaller else ratio >= bound
    results.append({"name": name, "unit": unit, "value": round(value, 6), "reference": round(reference, 6),
                    "ratio": round(ratio, 4), "bound": ("<= " if smaller else ">= ") + str(bound), "ok": ok})
    log(f"  {name}: {value:.4g} {unit}, reference {reference:.4g}, ratio {ratio:.3g}, bound {results[-1]['bound']}")


def run(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, text=True, **kw).stdout


def davy(*args):
    return run(f"{BUILD}/davy", *args)


def spawn(*args, **kw):
    proc = subprocess.Popen(args, **kw)
    procs.append(proc)
    return proc


def until(seconds, test, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = test()
        if value:
            return value
        time.sleep(0.01)
    raise SystemExit(f"bench: {what} did not come within {seconds} s")


# ---- site ---------------------------------------------------------------------------------------

TAGS = max(100, int(10000 * SCALE))
# Names that share no letter with one another: a terminal that is sent differences only is sent them whole.
FRESH = [chr(65 + i) * 6 for i in range(26)]


def write_site(turn):
    lines = ["[site]", "name = bench", "[gateway g]", "name = g", "stale_s = 3000"]
    for a in range(10):
        lines += [f"[area A{a}]", f"name = Area {a}"]
    for t in range(TAGS + len(FRESH)):
        tag = f"T{t:05d}" if t < TAGS else FRESH[t - TAGS]
        lines += [f"[tag {tag}]", f"name = tag {t} turn {turn}", f"area = A{t % 10}", "gateway = g", "unit = kPa",
                  "range = 0 .. 1000", "H = 900 deadband=10 priority=2", "consequence = c", "action = a",
                  "respond_s = 60"]
    lines += ["[mapping m]", "topic = plant/#"]
    with open(f"{WORK}/site.ini", "w") as f:
        f.write("\n".join(lines) + "\n")


def write_broker(site):
    with open(f"{WORK}/mosquitto.conf", "w") as f:
        f.write(f"listener {PORT} 127.0.0.1\nallow_anonymous false\npassword_file {WORK}/passwords\n"
                "persistence false\nset_tcp_nodelay true\nmax_inflight_messages 1000\n"
                "max_queued_messages 0\nmessage_size_limit 300000\nuser root\nlog_dest none\n")
    with open(f"{WORK}/passwords", "w") as f:
        for account in ("hub", "plant", "c1"):
            f.write(f"{account}:secret-{account}\n")
            with open(f"{WORK}/{account}.password", "w") as p:
                p.write(f"secret-{account}\n")
    run("mosquitto_passwd", "-U", f"{WORK}/passwords")
    with open(f"{WORK}/davyd.conf", "w") as f:
        f.write(f"[broker]\nhost = 127.0.0.1\nport = {PORT}\naccount = hub\npassword_file = {WORK}/hub.password\n"
                f"[site]\nfile = {WORK}/site.ini\n")


def status(where="hub"):
    try:
        return json.loads(davy("sync", "status", "--dir", f"{WORK}/{where}", "--json").splitlines()[0])
    except (subprocess.CalledProcessError, ValueError, IndexError):
        return {}


def make_site():
    global PORT
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        PORT = s.getsockname()[1]
    write_site(0)
    davy("site", "init", "--dir", f"{WORK}/hub", "--name", "bench", "--site", f"{WORK}/site.ini", "--demo")
    write_broker(davy("site", "show", "--dir", f"{WORK}/hub", "--id").strip()[:8])
    spawn("mosquitto", "-c", f"{WORK}/mosquitto.conf", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(10, lambda: socket.socket().connect_ex(("127.0.0.1", PORT)) == 0, "the broker")
    hub = spawn(f"{BUILD}/davyd", "--dir", f"{WORK}/hub", "--config", f"{WORK}/davyd.conf",
                stderr=open(f"{WORK}/davyd.log", "w"))
    until(60, lambda: status().get("phase") == "serving", "the hub")
    davy("person", "add", "--dir", f"{WORK}/hub", "--name", "Operator", "--number", "11", "--role", "operator", "--demo")
    invite = davy("device", "invite", "--dir", f"{WORK}/hub", "--name", "c1", "--kind", "console", "--broker",
                  f"127.0.0.1:{PORT}", "--account", "c1", "--password-file", f"{WORK}/c1.password")
    invite = re.search(r"DAVY1-[A-Z2-7]+", invite).group(0)
    joiner = spawn(f"{BUILD}/davy", "join", "--dir", f"{WORK}/c1", "--invite", invite, "--timeout", "30",
                   stdout=subprocess.PIPE, text=True)
    code = re.search(r"\d{6}", joiner.stdout.readline()).group(0)
    until(10, lambda: code in davy("device", "joins", "--dir", f"{WORK}/hub"), "the join")
    davy("device", "confirm", code, "--dir", f"{WORK}/hub", "--demo")
    joiner.wait(30)
    with open(f"{WORK}/pin", "w") as f:
        f.write("11111111\n")
    code = re.search(r"\d{8}", davy("person", "code", "11", "--dir", f"{WORK}/hub")).group(0)
    davy("first-use", "--dir", f"{WORK}/c1", "--number", "11", "--code", code, "--pin-file", f"{WORK}/pin")
    return hub


# ---- console in a pty ---------------------------------------------------------------------------

class Console:
    def __init__(self, sign_in=True):
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.execv(f"{BUILD}/davy", [f"{BUILD}/davy", "--dir", f"{WORK}/c1", "--lang", "en"])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.text = b""
        if sign_in:
            self.wait(b"Operator", 10)
            self.send(b"1")
            time.sleep(0.5)
            self.send(b"11111111\r")
            self.wait(b"Area 0", 20)

    def send(self, data):
        os.write(self.fd, data)

    def read(self, timeout):
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if ready:
            data = os.read(self.fd, 65536)
            self.text += data
            return data
        return b""

    def wait(self, what, seconds):
        end = time.monotonic() + seconds
        seen = len(self.text)
        while what not in self.text[max(0, seen - 4096):]:
            if time.monotonic() > end:
                raise SystemExit(f"bench: the console did not show {what!r} within {seconds} s")
            self.read(0.05)
        return time.monotonic()

    def rss_kb(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while time.monotonic() < end and os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            try:
                self.read(0.05)
            except OSError:
                time.sleep(0.05)
        os.close(self.fd)


# ---- ingest -------------------------------------------------------------------------------------

def pub_args(qos, topic="plant/g"):
    return ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(PORT), "-u", "plant", "-P", "secret-plant", "-q", str(qos),
            "-t", topic, "-l"]


def flood(path, qos):
    with open(path) as f:
        return spawn(*pub_args(qos), stdin=f)


def drain_rate(path, qos, messages):
    sub = spawn("mosquitto_sub", "-h", "127.0.0.1", "-p", str(PORT), "-u", "hub", "-P", "secret-hub", "-q", str(qos),
                "-t", "plant/#", "-C", str(messages), stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    start = time.monotonic()
    pub = flood(path, qos)
    sub.wait(300)
    took = time.monotonic() - start
    pub.wait(60)
    return took


def hub_rate(path, qos, readings):
    before = status()["readings_stored"]
    start = time.monotonic()
    pub = flood(path, qos)
    until(300, lambda: status().get("readings_stored", 0) - before >= readings, "the readings")
    took = time.monotonic() - start
    pub.wait(60)
    return took


def hub_stop_cont(hub, stop):
    os.kill(hub.pid, signal.SIGSTOP if stop else signal.SIGCONT)


def bench_ingest(hub):
    log("ingest")
    now = int(time.time() * 1000)
    single = int(300000 * SCALE)
    with open(f"{WORK}/single", "w") as f:
        for i in range(single):
            line = '{"tag":"T%05d","t":%d,"v":%.2f,"q":192,"src":"' % (i % TAGS, now + i // 100, 100 + i % 700)
            f.write(line + "x" * (118 - len(line)) + '"}\n')
    batches = int(20000 * SCALE)
    with open(f"{WORK}/batch", "w") as f:
        for i in range(batches):
            values = ",".join('{"tag":"T%05d","v":%.2f}' % ((i * 100 + k) % TAGS, 100 + k) for k in range(100))
            f.write('{"t":%d,"values":[%s]}\n' % (now + 60000 + i, values))
    for name, path, qos, messages, per, bound in (
            ("ingest of single readings, QoS 0", "single", 0, single, 1, 0.8),
            ("ingest in batches of 100, QoS 1", "batch", 1, batches, 100, 0.25)):
        theirs, ours = [], []
        for _ in range(3):
            hub_stop_cont(hub, True)
            theirs.append(messages * per / drain_rate(f"{WORK}/{path}", qos, messages))
            hub_stop_cont(hub, False)
            time.sleep(0.5)
            # What queued up for the stopped hub is taken first.
            settled = -1
            while settled != status()["readings"]:
                settled = status()["readings"]
                time.sleep(0.5)
            ours.append(messages * per / hub_rate(f"{WORK}/{path}", qos, messages * per))
        note(name, "readings/s", statistics.median(ours), statistics.median(theirs), bound, False)


# ---- latency ------------------------------------------------------------------------------------

def one_way():
    sub = spawn("mosquitto_sub", "-h", "127.0.0.1", "-p", str(PORT), "-u", "hub", "-P", "secret-hub", "-q", "1",
                "-t", "plant/#", stdout=subprocess.PIPE)
    pub = spawn(*pub_args(1), stdin=subprocess.PIPE)
    time.sleep(0.3)
    times = []
    for i in range(100):
        start = time.monotonic()
        pub.stdin.write(b"x%d\n" % i)
        pub.stdin.flush()
        sub.stdout.readline()
        times.append(time.monotonic() - start)
        time.sleep(0.005)
    pub.stdin.close()
    pub.wait(10)
    sub.terminate()
    sub.wait(10)
    return statistics.median(times)


def bench_latency(limits):
    log("alarm latency")
    console = Console()
    console.send(b"2")
    console.drain(1)
    pub = spawn(*pub_args(1), stdin=subprocess.PIPE)
    time.sleep(0.3)
    times = []
    for name in FRESH:
        tag = name.encode()
        start = time.monotonic()
        pub.stdin.write(b'{"tag":"%s","v":950}\n' % tag)
        pub.stdin.flush()
        console.text = b""
        console.wait(tag, 10)
        times.append(time.monotonic() - start)
        console.drain(0.15)
    pub.stdin.close()
    pub.wait(10)
    console.close()
    reference = 2 * one_way() + (2 * limits["commit_us"] + limits["sign_us"] + limits["verify_us"]) / 1e6
    note("alarm, published to painted (median)", "ms", statistics.median(times) * 1e3, reference * 1e3, 3, True)


# ---- offline acts and readings ------------------------------------------------------------------

# PUBLISH: fixed header 3, topic length 2, topic, packet id 2; PUBACK 4.
def mqtt_bytes(messages, topic):
    return messages * (3 + 2 + len(topic) + 2 + 4)


def deliver(name, lines, groups, bounds):
    """What stands in c1's store goes to the hub; beside it, `lines` as bare QoS 1 messages."""
    with open(f"{WORK}/lines", "w") as f:
        f.write(lines)
    count = lines.count("\n")
    json_s = drain_rate(f"{WORK}/lines", 1, count)
    json_bytes = len(lines.encode()) - count + mqtt_bytes(count, "plant/g")
    if status("c1")["waiting"] == 0:
        raise SystemExit(f"bench: {name}: nothing waits in c1's store")
    start = time.monotonic()
    console = Console(sign_in=False)
    console.drain(0.05)

    def acked():
        console.read(0)
        now = status("c1")
        return now if now.get("phase") == "live" and now["waiting"] + now["sent"] == 0 else None
    until(120, acked, "the acknowledgements")
    took = time.monotonic() - start
    # With the verdicts, which come back in the log.
    until(120, lambda: (console.read(0), status("c1").get("at_hub") == 0)[1], "the verdicts")
    end = status("c1")
    console.close()
    # Of each group of records a batch, its acknowledgement, the log and its acknowledgement.
    ours = end["sent_bytes"] + end["received_bytes"] + mqtt_bytes(4 * groups + 10, "davy/12345678/u/c1")
    note(f"{name}, acknowledged", "s", took, json_s, bounds[0], True)
    note(f"{name}, bytes both ways", "bytes", ours, json_bytes, bounds[1], True)


def bench_acts():
    acts = int(10000 * SCALE)
    log(f"{acts} acts made offline")
    lines = run(f"{BUILD}/probe", "acts", f"{WORK}/c1", "11", "11111111", str(acts))
    deliver("offline acts", lines, acts // 30 + 1, (3, 0.3))


def bench_readings():
    readings = int(10000 * SCALE)
    log(f"{readings} readings in segments made offline")
    lines = run(f"{BUILD}/probe", "segments", f"{WORK}/c1", str(readings))
    deliver("readings in segments", lines, readings // 1000 + 1, (1, 0.1))


# ---- the spine in one process -------------------------------------------------------------------

def spine(*args):
    out = json.loads(run(f"{BUILD}/spine", *map(str, args)))
    log(f"  {out}")
    return out


def bench_admit():
    log("admission, durable")
    runs = []
    for i in range(3):
        os.makedirs(f"{WORK}/admit-{i}")
        runs.append(spine("admit", f"{WORK}/admit-{i}", max(1000, int(10000 * SCALE))))
    out = sorted(runs, key=lambda r: r["admit_per_s"] / r["verify_per_s"])[1]
    note("admission, durable; verifying on one core", "acts/s", out["admit_per_s"], out["verify_per_s"], 0.8, False)


def bench_line():
    log("64 kbit/s, 600 ms (simulated time)")
    out = spine("line")
    note("act's receipt beside 1 MB in bulk, worst", "ms", out["worst_ms"], out["idle_ms"], 2, True)


def bench_storm():
    units = max(20, int(500 * SCALE))
    log(f"{units} devices reconnect at once (simulated time)")
    # 10 Mbit/s for 500 devices; a smaller run has as little for each.
    out = spine("storm", units, 1000, 2500 * units)
    note(f"{units} devices at once, until quiet", "s", out["quiet_s"], out["alone_s"], 5, True)
    # A broker that drops every fourth message, because it keeps three for a subscriber.
    units = max(20, units // 8)
    out = spine("storm", units, 3, 2500 * units)
    note(f"{units} at once, {sum(out['dropped'])} dropped, until quiet", "s", out["quiet_s"], out["alone_s"], 5, True)


# ---- first paint and memory ---------------------------------------------------------------------

def value_for_every_tag():
    names = [f"T{t:05d}" for t in range(TAGS)] + FRESH
    pub = spawn(*pub_args(1), stdin=subprocess.PIPE, text=True)
    for at in range(0, len(names), 100):
        values = ",".join('{"tag":"%s","v":%d}' % (name, 100 + at % 700) for name in names[at:at + 100])
        pub.stdin.write('{"values":[%s]}\n' % values)
    pub.stdin.close()
    pub.wait(60)


def bench_paint(hub):
    log("first paint and memory on a large store")
    value_for_every_tag()
    turns = 10
    for turn in range(1, turns):
        before = status()["n"]
        write_site(turn)
        os.kill(hub.pid, signal.SIGHUP)
        until(120, lambda: status().get("n", 0) >= before + TAGS, "the definitions")
    n = status()["n"]
    console = Console()
    until(300, lambda: (console.read(0), status("c1").get("log", [0])[-1] == status()["log"][-1])[1], "the log")
    console.drain(1)
    rss = console.rss_kb()
    console.close()
    times = []
    for _ in range(5):
        console = Console(sign_in=False)
        times.append(console.wait(b"Operator", 10) - console.started)
        console.close()
    log(f"  {n} records")
    note("first paint on a store of %d records" % n, "ms", statistics.median(times) * 1e3, 100, 1, True)
    htop_pid, fd = pty.fork()
    if htop_pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp("htop", ["htop"])
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            os.read(fd, 65536)
    with open(f"/proc/{htop_pid}/status") as f:
        htop = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    os.kill(htop_pid, signal.SIGTERM)
    os.waitpid(htop_pid, 0)
    os.close(fd)
    note("resident memory of the console", "kB", rss, htop, 4, True)


def main():
    site = {}  # filled once a part needs it
    # The first three bring their own.
    parts = {"line": bench_line, "storm": bench_storm, "admit": bench_admit,
             "latency": lambda: bench_latency(site["limits"]), "acts": bench_acts, "readings": bench_readings,
             "ingest": lambda: bench_ingest(site["hub"]), "paint-and-memory": lambda: bench_paint(site["hub"])}
    wanted = [name for name in parts if not ARGS.words or any(word in name for word in ARGS.words)]
    if "acts" in wanted and "latency" not in wanted:
        wanted.insert(wanted.index("acts"), "latency")
    try:
        for name in wanted:
            if not site and name not in ("line", "storm", "admit"):
                site["hub"] = make_site()
                site["limits"] = json.loads(run(f"{BUILD}/probe", "limits", WORK))
                log(f"limits: {site['limits']}")
            parts[name]()
    finally:
        for proc in reversed(procs):
            if proc.poll() is None:
                proc.terminate()
                try:
                    proc.wait(5)
                except subprocess.TimeoutExpired:
                    proc.kill()
        if ARGS.keep:
            log(f"kept: {WORK}")
        else:
            shutil.rmtree(WORK, ignore_errors=True)
    with open(f"{BUILD}/bench.json", "w") as f:
        json.dump(results, f, indent=1)
    print(f"{'figure':44} {'value':>12} {'reference':>12} {'unit':10} {'ratio':>7}  bound")
    for r in results:
        print(f"{r['name'][:44]:44} {r['value']:12.5g} {r['reference']:12.5g} {r['unit']:10} {r['ratio']:7.3g}  "
              f"{r['bound']}{'' if r['ok'] else '  NOT MET'}")


main()

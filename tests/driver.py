"""Runs the tests that tests/run asks for. See there.

A test is one case of a unit test, one fuzz target, one line "ok"/"not ok" of an end-to-end script, or
one check. A test that did not run because its program is missing has failed. Processes that a test
leaves behind are ended by their id, and the test has failed.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial

OUT = os.environ.get("OUT") or "build"
LOGS = OUT + "/test"
JOBS = os.cpu_count() or 1
FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "10")
SIM_SEEDS = os.environ.get("SIM_SEEDS", "200")
PROGRAMS = ("davy", "davyd", "davysim")
BUILDS = {"release tests": ("tests", "faults"), "release": ("all",), "san tests": ("SAN=1", "tests", "faults"),
          "san": ("SAN=1", "all"), "fuzz": ("FUZZ=1", "fuzzers")}
TAIL_LINES = 30
MARK = "DAVY_TEST"

lock = threading.Lock()
running = {}  # process id -> temporary folder, of tests under way
counts = {"passed": 0, "failed": 0, "skipped": 0}
broken_builds = set()
stopping = threading.Event()


def environment_of_make():
    """Without what an outer make says to inner ones."""
    return {k: v for k, v in os.environ.items()
            if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}


def environment(name):
    env = environment_of_make()
    env.update({"OUT": OUT, "BUILD": OUT, "LC_ALL": "C.UTF-8", "CMOCKA_MESSAGE_OUTPUT": "TAP", MARK: f"{os.getpid()}:{name}",
                "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1",
                "TMPDIR": tempfile.mkdtemp(prefix="davy-")})
    env.pop("LANGUAGE", None)
    return env


def file_name(name):
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)


class Outcome:
    """What one program said: how many cases passed, which failed, and why."""

    def __init__(self, passed=0, failed=(), skipped=0, why=""):
        self.passed, self.failed, self.skipped, self.why = passed, list(failed), skipped, why


def report(name, outcome, seconds):
    with lock:
        counts["passed"] += outcome.passed
        counts["failed"] += len(outcome.failed)
        counts["skipped"] += outcome.skipped
        word = "FAIL" if outcome.failed else "ok"
        cases = outcome.passed + len(outcome.failed)
        print(f"{word:4} {seconds:6.1f} s  {name}" + (f"  ({cases})" if cases != 1 else ""), flush=True)
        if not outcome.failed:
            return
        for case in outcome.failed[:20]:
            print(f"       not ok: {case}")
        if outcome.why:
            print(f"       {outcome.why}")
        path = f"{LOGS}/{file_name(name)}.log"
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().rstrip().split("\n")
            for line in lines[-TAIL_LINES:]:
                print("       | " + line)
            print(f"       whole log: {path}", flush=True)


def left_behind(name):
    """Ends what a test left running, and says what it was."""
    wanted = f"{MARK}={os.getpid()}:{name}".encode()
    found = []
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            with open(folder + "/environ", "rb") as file:
                mine = wanted in file.read().split(b"\0")
            with open(folder + "/stat", encoding="utf-8", errors="replace") as file:
                zombie = file.read().rpartition(")")[2].split()[0] == "Z"
            if mine and not zombie:
                with open(folder + "/cmdline", encoding="utf-8", errors="replace") as file:
                    found.append((int(folder[6:]), file.read().replace("\0", " ").strip()[:60]))
        except OSError:
            continue
    for pid, _ in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    return [f"left process {pid} running: {command}" for pid, command in found]


def launch(name, command, timeout):
    """Runs one program to its end. Returns (exit code or None after the timeout, what it printed)."""
    log = f"{LOGS}/{file_name(name)}.log"
    env = environment(name)
    os.chmod(env["TMPDIR"], 0o755)  # a test may become another user
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                   env=env, start_new_session=True)
        with lock:
            running[process.pid] = env["TMPDIR"]
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
        finally:
            with lock:
                running.pop(process.pid, None)
            shutil.rmtree(env["TMPDIR"], ignore_errors=True)
    with open(log, encoding="utf-8", errors="replace") as file:
        return code, file.read()


def ending(code, timeout):
    if code is None:
        return f"not done after {timeout} s"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exit code {code}"


def check(name, command, timeout=600):
    """A test that passes by its exit code."""
    if os.path.sep in command[0] and not os.path.exists(command[0]):
        return Outcome(failed=[f"{command[0]} is missing"])
    code, _ = launch(name, command, timeout)
    left = left_behind(name)
    if code == 0 and not left:
        return Outcome(passed=1)
    return Outcome(failed=left or [ending(code, timeout)])


def cases(name, command, timeout):
    """A program that prints "ok ..." and "not ok ..." lines (cmocka's TAP, or a script's)."""
    if not os.path.exists(command[0]):
        return Outcome(failed=[f"{command[0]} is missing"])
    code, text = launch(name, command, timeout)
    lines = [line for line in text.split("\n") if re.match(r"(not )?ok\b", line)]
    skipped = [line for line in lines if "# SKIP" in line]
    failed = [line[len("not ok"):].strip() for line in lines if line.startswith("not ok") and line not in skipped]
    passed = len(lines) - len(skipped) - len(failed)
    failed += left_behind(name)
    if code != 0 and not failed:
        failed.append(ending(code, timeout))
    if not lines and not failed:
        failed.append("no case ran")
    return Outcome(passed, failed, len(skipped), "" if code == 0 else ending(code, timeout))


def build(kind):
    outcome = check(f"build {kind}", ["make", "-k", f"-j{JOBS}", f"OUT={OUT}", *BUILDS[kind]], 1800)
    if outcome.failed:
        broken_builds.add(kind)
    return outcome


def needs(kind, test, *targets):
    """After a failed build a test runs only if its own programs are what the sources say."""
    def run():
        if kind in broken_builds:
            command = ["make", "-q", f"OUT={OUT}", *[w for w in BUILDS[kind] if "=" in w], *targets]
            if subprocess.run(command, env=environment_of_make(), stdin=subprocess.DEVNULL,
                              capture_output=True, check=False).returncode != 0:
                return Outcome(failed=[f"not built: {' '.join(targets)}"])
        return test()
    return run


def stages():
    """[(name, test)] in groups; the tests of a group run side by side."""
    yield [simple("tidy self-test", ["scripts/tidy", "--self-test"]), simple("tidy", ["scripts/tidy"])]
    for kind in BUILDS:
        yield [(f"build {kind}", partial(build, kind))]
    yield unit_tests()
    yield fault_tests()
    yield fuzz_tests()
    yield [simple("hardening self-test", ["scripts/hardening", "--self-test"])] + [
        simple(f"hardening {p}", ["scripts/hardening", f"{OUT}/{p}"], "release", f"{OUT}/{p}") for p in PROGRAMS]
    sim = f"{OUT}/davysim"
    yield [simple("simulation", [sim, "fuzz", "--seed", "1", "--seeds", SIM_SEEDS], "release", sim),
           simple("simulation self-test", [sim, "fuzz", "--selftest"], "release", sim)]
    for path in sorted(glob.glob("tests/e2e/*.sh")):
        name = "e2e " + os.path.basename(path)[:-len(".sh")]
        if name != "e2e lib":  # what the scripts share
            yield [(name, needs("release", partial(cases, name, [path], 300), *[f"{OUT}/{p}" for p in PROGRAMS]))]


def simple(name, command, kind=None, *targets):
    test = partial(check, name, command)
    return (name, needs(kind, test, *targets) if kind else test)


def unit_tests():
    tests = []
    for kind, folder in (("release", OUT), ("san", OUT + "/san")):
        for path in sorted(glob.glob("tests/unit/*_test.c")):
            program = os.path.basename(path)[:-len(".c")]
            name, target = f"unit {kind} {program}", f"{folder}/tests/{program}"
            tests.append((name, needs(kind + " tests", partial(cases, name, [target], 120), target)))
    return tests


def fault_tests():
    """Programs whose n-th allocation fails."""
    tests = []
    for kind, folder in (("release", OUT), ("san", OUT + "/san")):
        for path in sorted(glob.glob("tests/fault/*_fault.c")):
            program = os.path.basename(path)[:-len(".c")]
            name, target = f"fault {kind} {program[:-len('_fault')]}", f"{folder}/tests/{program}"
            tests.append((name, needs(kind + " tests", partial(cases, name, [target], 120), target)))
    return tests


def fuzz_tests():
    tests = []
    for path in sorted(glob.glob("tests/fuzz/fuzz_*.c")):
        target = os.path.basename(path)[len("fuzz_"):-len(".c")]
        name, command = f"fuzz {target}", ["scripts/fuzz", OUT, target, FUZZ_SECONDS]
        tests.append((name, needs("fuzz", partial(check, name, command), f"{OUT}/fuzz/fuzz_{target}")))
    return tests


def timed(name, test):
    if stopping.is_set():
        return
    begin = time.monotonic()
    try:
        outcome = test()
    except Exception as error:  # the driver goes on; the test has failed
        outcome = Outcome(failed=[f"{type(error).__name__}: {error}"])
    if not stopping.is_set():
        report(name, outcome, time.monotonic() - begin)


def stop(number, _frame):
    stopping.set()
    for pid, folder in list(running.items()):
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
        shutil.rmtree(folder, ignore_errors=True)
    print(f"stopped by {signal.Signals(number).name}", flush=True)
    os._exit(128 + number)


def main(words):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    os.makedirs(LOGS, exist_ok=True)
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for group in stages():
            chosen = [(n, t) for n, t in group if not words or any(w in n for w in words)]
            list(pool.map(lambda item: timed(*item), chosen))
    print(f"{time.monotonic() - begin:.0f} s")
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}", flush=True)
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Bundles that somebody changed: `davy import` and scripts/verify-bundle must say the same of each.

  bundle_mutants.py DAVY SITE BUNDLE SIGNER_FOLDER READER_FOLDER FLIPS RESIGNED

FLIPS bytes of the bundle are changed one at a time: both must refuse. Then RESIGNED bytes inside of
frames are changed and everything around them is signed again with the key of SIGNER_FOLDER, so that only
the proofs inside can tell: both must refuse, or both must accept. READER_FOLDER is a joined device that
holds nothing yet; each import works on a copy. Prints "ok" or "not ok" lines.
"""
import hashlib
import importlib.machinery
import importlib.util
import os
import random
import shutil
import subprocess
import sys

loader = importlib.machinery.SourceFileLoader("verify_bundle", "scripts/verify-bundle")
sys.dont_write_bytecode = True
vb = importlib.util.module_from_spec(importlib.util.spec_from_loader("verify_bundle", loader))
loader.exec_module(vb)

DAVY, SITE, BUNDLE, SIGNER, READER = sys.argv[1:6]
FLIPS, RESIGNED = int(sys.argv[6]), int(sys.argv[7])
WORK = os.path.dirname(os.path.abspath(BUNDLE))
SITE = bytes.fromhex(SITE)


# ---- Signing (RFC 8032) ----

def times(scalar, point):
    total = vb.NEUTRAL
    for bit in range(255, -1, -1):
        total = vb.point_double(total)
        if scalar >> bit & 1:
            total = vb.point_add(total, point)
    return total


class Signer:
    def __init__(self, folder):
        with open(os.path.join(folder, "keys", "device.key"), "rb") as file:
            seed = file.read()[16:48]
        half = hashlib.sha512(seed).digest()
        self.scalar = int.from_bytes(half[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
        self.prefix = half[32:]
        self.key = vb.point_encode(times(self.scalar, vb.BASE))

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % vb.L
        first = vb.point_encode(times(r, vb.BASE))
        k = int.from_bytes(hashlib.sha512(first + self.key + message).digest(), "little") % vb.L
        return first + ((r + k * self.scalar) % vb.L).to_bytes(32, "little")


# ---- A bundle in its parts ----

def split(data):
    """(header, [frame], end)"""
    count = int.from_bytes(data[10:12], "little")
    at = 100 + count * 64 + 64
    header, frames = data[:at], []
    while True:
        length = int.from_bytes(data[at:at + 4], "little")
        if length == 0:
            return header, frames, data[at:]
        frames.append(data[at + 4:at + 4 + length])
        at += 4 + length


def resign(header, frames, signer):
    out = header[:-64] + signer.sign(b"davy/bundle/1" + header[:-64])
    for frame in frames:
        head, body = frame[:13], frame[77:]
        direction = b"\0" if head[3] == vb.BATCH else b"\1"
        proof = signer.sign(b"davy/frame/1" + SITE + direction + head + body)
        out += (len(frame)).to_bytes(4, "little") + head + proof + body
    count = len(frames).to_bytes(4, "little")
    return out + bytes(4) + count + signer.sign(b"davy/bundle-end/1" + count + vb.blake(out))


# ---- The two judges ----

def davy_takes(data):
    """What `davy import` says of the bytes, on a device that holds nothing; and that it then holds
    nothing, if it refused."""
    folder, path = os.path.join(WORK, "mutant"), os.path.join(WORK, "mutant.bundle")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(READER, folder)
    with open(path, "wb") as file:
        file.write(data)
    run = subprocess.run([DAVY, "import", path, "--dir", folder], capture_output=True, text=True)
    if run.returncode == 0:
        check = subprocess.run([DAVY, "verify", "--dir", folder], capture_output=True, text=True)
        if check.returncode != 0:
            raise SystemExit(f"not ok what was imported does not verify\n{check.stdout}{check.stderr}")
        return True, ""
    log = subprocess.run([DAVY, "log", "--dir", folder, "--json"], capture_output=True, text=True)
    held = [line for line in log.stdout.splitlines() if '"kind":"author.open"' not in line]
    if held:
        raise SystemExit(f"not ok a refused file left something behind\n{held[0]}")
    return False, run.stderr.strip()


def script_takes(data):
    code, why, _ = vb.verify(SITE, data)
    return code == 0, why


def main():
    with open(BUNDLE, "rb") as file:
        data = file.read()
    header, frames, _ = split(data)
    signer = Signer(SIGNER)
    random.seed(1)
    for name, whole in (("the bundle", data), ("the bundle signed again", resign(header, frames, signer))):
        both = davy_takes(whole), script_takes(whole)
        print(f"{'ok' if both[0][0] and both[1][0] else 'not ok'} {name} is taken {both}")
    bad = 0
    edges = [0, 8, 10, 11, 12, 28, 44, 76, 84, 100, 116, 132, len(header) - 1, len(data) - 1, len(data) - 65]
    places = edges + random.sample(range(len(data)), min(FLIPS, len(data)))
    for at in places:
        mutant = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1:]
        davy, script = davy_takes(mutant), script_takes(mutant)
        if davy[0] or script[0]:
            bad += 1
            print(f"#   byte {at}: davy {davy}, script {script}")
    print(f"{'not ok' if bad else 'ok'} {len(places)} changed bytes are refused by both")
    bad, taken = 0, 0
    for _ in range(RESIGNED):
        which = random.randrange(len(frames))
        frame = frames[which]
        at = random.randrange(77, len(frame))
        changed = frame[:at] + bytes([frame[at] ^ 1 << random.randrange(8)]) + frame[at + 1:]
        mutant = resign(header, frames[:which] + [changed] + frames[which + 1:], signer)
        davy, script = davy_takes(mutant), script_takes(mutant)
        taken += davy[0]
        if davy[0] != script[0]:
            bad += 1
            print(f"#   frame {which} byte {at}: davy {davy}, script {script}")
    print(f"{'not ok' if bad else 'ok'} {RESIGNED} bytes changed and signed again: both agree ({taken} taken)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

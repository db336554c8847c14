#!/usr/bin/env python3
"""Rebuilds the golden vectors of records from their fields, with nothing of Davy's code.

  scripts/vectors.py [FILE]    default tests/data/vectors/record.json

Content bytes, rids, key ids, authors, admits, chain hashes and seal messages are computed anew from
include/davy/record/record.h and compared. Signatures are not verified here; the unit test does that.
Prints "N passed, N failed" and exits 1 on a difference.
"""
import hashlib
import json
import sys


def blake(*parts):
    return hashlib.blake2b(b"".join(parts), digest_size=32).digest()


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    return varint(2 * value if value >= 0 else -2 * value - 1)


def u64(value):
    return value.to_bytes(8, "little")


def sized(data):
    return varint(len(data)) + data


def field(row):
    out = varint(row["tag"] << 3 | (4 if row["critical"] else 0) | row["wire"])
    if row["wire"] == 0:
        return out + varint(row["value"])
    if row["wire"] == 1:
        return out + signed(row["value"])
    if row["wire"] == 2:
        return out + sized(bytes.fromhex(row["value"]))
    return out + signed(row["mantissa"]) + signed(row["exponent"])


def ids(rows):
    return varint(len(rows)) + b"".join(bytes.fromhex(row) for row in rows)


def seen(row):
    if row is None:
        return b"\0"
    marks = b"".join(bytes([m["lane"], m["audience"]]) + varint(m["seq"]) + bytes.fromhex(m["hash"])
                     for m in row["marks"])
    return b"\1" + bytes.fromhex(row["hub"]) + varint(len(row["marks"])) + marks


def content(row):
    return b"".join([
        b"davy/record/1",
        bytes([row["suite"]]),
        bytes.fromhex(row["site"]),
        varint(row["kind"]),
        ids(row["subjects"]),
        bytes([row["audience"]]),
        bytes.fromhex(row["person"]),
        bytes.fromhex(row["key"]),
        bytes.fromhex(row["device"]),
        varint(row["session"]),
        signed(row["time_ms"]),
        varint(row["time_error_ms"]),
        u64(row["boot"]),
        varint(row["mono_ms"]),
        seen(row["seen"]),
        ids(row["refs"]),
        bytes.fromhex(row["nonce"]),
        sized(b"".join(field(f) for f in row["body"])),
    ])


def admit(row):
    return b"".join([
        bytes.fromhex(row["author"]),
        bytes([row["lane"], row["audience"]]),
        varint(row["seq"]),
        bytes([row["verdict"]]),
        varint(row["rule"]),
        signed(row["hub_time_ms"]),
        varint(row["roster_version"]),
        varint(row["rules_version"]),
        varint(row["n"]),
    ])


class Checker:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def same(self, what, computed, expected):
        if computed.hex() == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"{what}: computed {computed.hex()}, the file has {expected}")


def check_keys(check, data):
    public = {}
    for row in data["keys"]:
        public[row["name"]] = bytes.fromhex(row["public"])
        check.same(f"key {row['name']}", blake(public[row["name"]])[:16], row["key_id"])
    for row in data["authors"]:
        author = blake(b"davy/author/1", b"\1", public[row["key"]], bytes.fromhex(row["random"]))
        check.same(f"author {row['key']}", author[:16], row["author"])
    return public


def check_records(check, data, public):
    records = {}
    for row in data["records"]:
        made = content(row["fields"])
        records[row["name"]] = (made, bytes.fromhex(row["sig"]))
        check.same(f"content {row['name']}", made, row["content"])
        check.same(f"rid {row['name']}", blake(made)[:16], row["rid"])
        key = blake(public[row["signer"]])[:16] if row["signer"] else bytes(16)
        check.same(f"key of {row['name']}", key, row["fields"]["key"])
        if len(row["sig"]) != (128 if row["signer"] else 0):
            check.failed += 1
            print(f"signature {row['name']}: wrong length")
    return records


def check_chain(check, chain, records):
    name = f"chain {chain['author'][:8]}/{chain['lane']}"
    tail = bytes.fromhex(chain["site"]) + bytes.fromhex(chain["author"]) + bytes(
        [chain["lane"], chain["audience"]])
    head = blake(b"davy/chain/1", b"\1", tail)
    check.same(f"{name} start", head, chain["start"])
    for seq, entry in enumerate(chain["entries"], 1):
        if "record" in entry:
            data, proof = records[entry["record"]]
            kind = b"\0"
        else:
            data, proof = admit(entry["admit"]), bytes.fromhex(entry["record_hash"])
            kind = b"\1"
            check.same(f"{name} admit at {seq}", data, entry["bytes"])
        head = blake(head, kind, sized(data), proof)
        check.same(f"{name} hash at {seq}", head, entry["hash"])
    message = b"davy/seal/1" + b"\1" + tail + u64(len(chain["entries"])) + head
    check.same(f"{name} seal message", message, chain["seal_message"])


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "tests/data/vectors/record.json"
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    check = Checker()
    public = check_keys(check, data)
    records = check_records(check, data, public)
    for chain in data["chains"]:
        check_chain(check, chain, records)
    if not records or not data["chains"]:
        check.failed += 1
        print("the file holds no vectors")
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Verifies the archive of an access review without any code of the product.

    verify_review.py ARCHIVE [KEY]

KEY is the vendor's public key in hexadecimal, as it stands at /keys and /.well-known/avouch-keys.json of its trust page, had by another way than the archive. Without it only this is shown: that
the archive agrees with itself; which key it was signed with is told on standard error.

Checks every file against the signed list, the population against its hash, the items against their counts and their table, each entry of the log
against the chain that leads to a signed head, and each decision and what came of it against the log. Ed25519 is asked of openssl, which every distribution has.
"""

import csv
import datetime
import hashlib
import io
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


# What of an item hangs on a membership, and what such a membership is called.
HANGS = ("reach", "token")
HOLDS = ("membership", "help")
STATES = ("pending", "applied", "gone", "changed", "ended")

# What archives of earlier releases do not have of an item.
LATER = ("nobody_else_could_decide", "note_salt", "ended_otherwise_at", "explained_by", "explained_by_account", "explained_at",
         "explanation", "explanation_salt")

# What an entry is called that tells of a grant taken away, and whose id it is about.
EFFECTS = {
    "membership": ("member-offboarded", "account"),
    "help": ("help-ended", "account"),
    "reach": ("reach-withdrawn", "account"),
    "token": ("calendar-closed", "account"),
    "invitation": ("invitation-withdrawn", "target_id"),
}


# What ends such a grant otherwise.
ENDS = {
    "membership": ("member-offboarded",),
    "help": ("help-ended", "member-offboarded"),
    "reach": ("reach-withdrawn", "member-offboarded"),
    "token": ("calendar-closed", "member-offboarded"),
}


def fail(why):
    sys.exit(f"does not hold: {why}")


def signed(key, message, signature):
    # The public key as openssl reads it: the fixed head of an Ed25519 SubjectPublicKeyInfo (RFC 8410) before its 32 bytes.
    der = bytes.fromhex("302a300506032b6570032100") + bytes.fromhex(key)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "key").write_bytes(der)
        (folder / "message").write_bytes(message)
        (folder / "signature").write_bytes(bytes.fromhex(signature))
        done = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", folder / "key", "-rawin",
             "-in", folder / "message", "-sigfile", folder / "signature"],
            capture_output=True, check=False)
        return done.returncode == 0


def fields(*parts):
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def uuid(text):
    return bytes.fromhex(text.replace("-", ""))


def leaf(row):
    canonical = fields(
        b"avouch-entry/1", uuid(row["tenant"]), struct.pack(">q", row["seq"]), struct.pack(">q", row["at_ms"]),
        row["actor_kind"].encode(), uuid(row["actor"]), row["action"].encode(), uuid(row["subject"]),
        row["outcome"].encode(), bytes.fromhex(row["detail"]))
    return hashlib.sha256(b"\0" + canonical).digest()


def lines(archive, name):
    return [json.loads(line) for line in archive.read(name).splitlines() if line]


def ms(text):
    """An instant of an item, as the log has it."""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)


def explains(digest, reason, salt):
    """Whether a hash in the log is that of this reason. Entries of earlier releases have none, and say nothing of it."""
    if digest is None:
        return salt is None
    if digest == bytes(32):
        return not reason and not salt
    if not reason or not salt:
        return False
    return hashlib.sha256(b"avouch-note/1\n" + bytes.fromhex(salt) + reason.encode()).digest() == digest


def open_digest(row):
    """The hash that stands open before what is sealed of an entry."""
    detail = bytes.fromhex(row["detail"])
    return detail[1:33] if detail[:1] == b"\xd1" and len(detail) > 33 else None


def counted(archive, report, items, population):
    """The items are those that were found, and all parts say the same of them."""
    if [line.split(b"\t")[0].decode() for line in population.splitlines()] != [item["id"] for item in items]:
        fail("the items are not those that were found")
    counts = {"items": len(items)}
    counts |= {word: sum(item["decision"] == word for item in items) for word in ("keep", "revoke", "change")}
    counts |= {word: sum(item["state"] == word for item in items) for word in STATES}
    counts["ended_otherwise"] = sum(item["state"] == "gone" and bool(item["decision"]) for item in items)
    counts["alone"] = sum(item["decision"] == "keep" and bool(item.get("nobody_else_could_decide")) for item in items)
    for name, number in report["counts"].items():
        if counts[name] != number:
            fail(f"the counts: {name}")
    table = list(csv.DictReader(io.StringIO(archive.read("items.csv").decode(), newline="")))
    if len(table) != len(items):
        fail("items.csv has other items than items.jsonl")
    for row, item in zip(table, items):
        for name, value in item.items():
            if name in LATER and name not in row:
                continue
            wanted = "" if value is None else str(value)
            # What a spreadsheet would compute stands behind an apostrophe.
            if row[name] not in (wanted, "'" + wanted):
                fail(f"items.csv says otherwise of {item['id']}: {name}")


def organisations(archive, report, items):
    """The entries of an organisation's review, and where its chain of leaves leads."""
    leaves = {row["seq"]: bytes.fromhex(row["leaf"]) for row in lines(archive, "log/chain.jsonl")}
    entries = lines(archive, "log/entries.jsonl")
    for row in entries:
        if leaves.get(row["seq"]) != leaf(row):
            fail(f"entry {row['seq']}")
    told(entries, report, items)
    before = json.loads(archive.read("log/before.json"))
    head = json.loads(archive.read("log/head.json"))
    at, at_hash = before["after_seq"], bytes.fromhex(before["hash"])
    while at < head["seq"]:
        at += 1
        if at not in leaves:
            fail(f"entry {at} is missing from the chain")
        at_hash = hashlib.sha256(b"\2" + at_hash + leaves[at]).digest()
    return entries, at_hash


def told(entries, report, items):
    """The log tells of each decision and of what came of it."""
    names = {one["account"]: one["who"] for one in report["reviewers"]}
    decided = {(row["subject"], row["at_ms"], names.get(row["actor"])): open_digest(row)
               for row in entries if row["action"] == "item-decided"}
    for item in items:
        if item["decision"] and not item["silent"]:
            at = (item["id"], ms(item["decided_at"]), item["decided_by"])
            if at not in decided:
                fail(f"nothing in the log says that {item['id']} was decided on so")
            if not explains(decided[at], item["note"], item["note_salt"]):
                fail(f"the log has another reason for what was decided on {item['id']}")
        if item["nobody_else_could_decide"] and not item["silent"]:
            fail(f"{item['id']} was decided on, so somebody could")
    settled(entries, items)
    done = {(row["action"], row["subject"]) for row in entries}
    went = {item["account"] for item in items
            if item["kind"] in HOLDS and item["decision"] == "revoke" and item["state"] == "applied"}
    for item in items:
        if item["state"] == "applied":
            action, whose = EFFECTS[item["kind"]]
            action = {"revoke": action, "change": "role-changed"}.get(item["decision"])
            if (action, item[whose]) not in done:
                fail(f"nothing in the log says that {item['id']} was done")
        if item["state"] == "ended":
            if item["kind"] not in HANGS or item["decision"] != "keep" or item["account"] not in went:
                fail(f"no membership went with which {item['id']} could have ended")


def settled(entries, items):
    """What differs from what was decided was explained, and what the log says of that is what the item says."""
    said, ends = {}, {}
    for row in entries:
        if row["action"] == "drift-resolved":
            said[row["subject"]] = row
        ends.setdefault((row["action"], row["at_ms"]), set()).add(row["subject"])
    for item in items:
        own, at = said.get(item["id"]), item["explained_at"]
        differs = item["state"] == "changed" or (item["state"] == "gone" and item["decision"])
        if (differs or at) and not own:
            fail(f"nothing in the log says that {item['id']} was explained")
        # Of earlier releases the log has no hash of it, and the item no more than its state.
        if own and not at and open_digest(own) is not None:
            fail(f"the log says that {item['id']} was explained")
        if at:
            if (own["at_ms"], own["actor"]) != (ms(at), item["explained_by_account"]):
                fail(f"the log says otherwise of who explained {item['id']}, and when")
            if not explains(open_digest(own), item["explanation"], item["explanation_salt"]):
                fail(f"the log has another explanation of {item['id']}")
        if item["ended_otherwise_at"]:
            at, person = ms(item["ended_otherwise_at"]), item["account"]
            known = any(person in ends.get((action, at), ()) for action in ENDS.get(item["kind"], ()))
            if item["kind"] == "invitation":
                known = item["target_id"] in ends.get(("invitation-withdrawn", at), ()) or ("member-joined", at) in ends
            if item["state"] != "gone" or not known:
                fail(f"nothing in the log says that the access of {item['id']} ended then")


def platforms(archive, report, items):
    """The entries of a review of the seats, and where the platform's chain leads."""
    chain = lines(archive, "log/chain.jsonl")
    entries = lines(archive, "log/entries.jsonl")
    for number, row in enumerate(chain):
        before = chain[number - 1] if number else None
        if before and (row["previous_hash"], row["seq"]) != (before["hash"], before["seq"] + 1):
            fail(f"what stands before entry {row['seq']}")
        hashed = hashlib.sha256()
        for name in ("previous_hash", "seq", "at_ms", "actor", "action", "subject", "detail"):
            text = str(row[name]).encode()
            hashed.update(struct.pack(">Q", len(text)) + text)
        if hashed.hexdigest() != row["hash"]:
            fail(f"entry {row['seq']}")
    about = {report["review"]["id"]} | {item["id"] for item in items} | {item["account"] for item in items}
    if entries != [row for row in chain if row["subject"] in about] or entries[0] != chain[0]:
        fail("the entries are not what the log has of this review")
    seats(report, items, entries)
    return entries, bytes.fromhex(chain[-1]["hash"])


def seats(report, items, entries):
    """The log tells of the beginning, of the end, and of each seat between the two."""
    review, opened = report["review"], entries[0]
    if (opened["action"], opened["subject"]) != ("seat-review-opened", review["id"]):
        fail("the log does not tell of the beginning")
    if opened["detail"] != f"{len(items)} seats {report['completeness']['population_sha256']}":
        fail("the log does not have the hash of the population")
    closed = review["status"] == "closed"
    ends = [row["seq"] for row in entries if row["action"] == "seat-review-closed"]
    if len(ends) != closed:
        fail("the log does not tell of the end")
    names = {one["account"]: one["who"] for one in report["reviewers"]}
    for item in items:
        own = [row for row in entries if row["subject"] in (item["id"], item["account"])]
        seat(item, [row for row in own if not closed or row["seq"] < ends[0]], names, closed)


def seat_digest(row):
    """The hash of a reason, which stands at the end of an entry of the platform's log."""
    words = row["detail"].split(" ")[2:] if row else []
    return bytes.fromhex(words[0]) if words else None


def seat(item, entries, names, closed):
    """What the log says of one seat is what its item says."""
    stands, settled, removed = None, None, []
    for row in entries:
        if row["action"] == "seat-decided":
            stands = row
        elif row["action"] == "seat-reopened":
            stands = None
        elif row["action"] == "seat-drift-settled":
            settled = row
        elif row["action"] == "operator-removed":
            removed.append(row["seq"])
    decision, state, silent = item["decision"], item["state"], item["silent"]
    if not decision or silent:
        if stands:
            fail(f"the log says that {item['id']} was decided on")
    elif not stands:
        fail(f"nothing in the log says that {item['id']} was decided on")
    else:
        operator, said = stands["detail"].split(" ")[:2]
        if (said, names.get(operator), stands["at_ms"]) != (decision, item["decided_by"], ms(item["decided_at"])):
            fail(f"the log says otherwise of what was decided on {item['id']}")
    at = item["explained_at"]
    # Archives of earlier releases have what was said last in the place of both.
    if not explains(seat_digest(stands if at or not settled else settled), item["note"], item["note_salt"]):
        fail(f"the log has another reason for what was said of {item['id']}")
    if at:
        if not settled or (settled["at_ms"], settled["detail"].split(" ")[0]) != (ms(at), item["explained_by_account"]):
            fail(f"the log says otherwise of who explained {item['id']}, and when")
        if not explains(seat_digest(settled), item["explanation"], item["explanation_salt"]):
            fail(f"the log has another explanation of {item['id']}")
    after = stands["seq"] if stands else 0
    if state == "applied" and (decision != "revoke" or not any(seq > after for seq in removed)):
        fail(f"nothing in the log says that {item['id']} was done")
    if decision == "revoke" and state == "decided":
        fail(f"{item['id']} was to be taken away and was not")
    if closed and state == "pending":
        fail(f"{item['id']} was left undecided")
    if closed and state == "decided" and removed:
        fail(f"the log says that {item['id']} was taken away")
    if (state == "changed" or (state == "gone" and decision)) and not settled:
        fail(f"nothing in the log says that {item['id']} was settled")


def whole(path):
    """The archive, if the file is that and nothing more: what stands before or behind it is signed by nobody."""
    try:
        content = Path(path).read_bytes()
        archive = zipfile.ZipFile(io.BytesIO(content))
    except OSError as error:
        sys.exit(f"cannot read {path}: {error.strerror}")
    except zipfile.BadZipFile:
        fail("this is no ZIP")
    # What stands before it moves every part, also if it begins as an archive does.
    begins = min((part.header_offset for part in archive.infolist()), default=0)
    if begins != 0 or content[:4] != b"PK\x03\x04" or content[-22:-18] != b"PK\x05\x06" or content[-2:] != bytes(2):
        fail("something stands before or behind the archive")
    return archive


def main(path, expected=None):
    archive = whole(path)
    if archive.testzip() is not None:
        fail("the ZIP is damaged")
    text = archive.read("manifest.json")
    signature = json.loads(archive.read("manifest.sig"))
    if not signed(signature["key"], b"avouch-review/1\n" + text, signature["signature"]):
        fail("the signature of the list")
    if expected is not None and signature["key"] != expected.strip().lower():
        fail("it was signed with another key: " + signature["key"])
    if expected is None:
        print(f"signed with {signature['key']}; compare that with the vendor's key", file=sys.stderr)
    parts = json.loads(text)["parts"]
    known = {part["file"] for part in parts} | {"manifest.json", "manifest.sig"}
    if sorted(known) != sorted(archive.namelist()):
        fail("the list is not of these files")
    for part in parts:
        content = archive.read(part["file"])
        if len(content) != part["bytes"] or hashlib.sha256(content).hexdigest() != part["sha256"]:
            fail(part["file"])
    report = json.loads(archive.read("report.json"))
    population = archive.read("population.txt")
    if hashlib.sha256(population).hexdigest() != report["completeness"]["population_sha256"]:
        fail("the hash of the population")
    items = [{name: None for name in LATER} | item for item in lines(archive, "items.jsonl")]
    counted(archive, report, items, population)
    if "log/README.txt" in archive.namelist():
        fail("there is no proof from the log: " + archive.read("log/README.txt").decode().strip())
    of_seats = report["review"]["scope"] == "seats"
    entries, at_hash = (platforms if of_seats else organisations)(archive, report, items)
    head = json.loads(archive.read("log/head.json"))
    if at_hash.hex() != head["hash"]:
        fail("the chain does not lead to the head")
    message = fields(b"avouch-head/1", head["kind"].encode(), uuid(head["tenant"]), struct.pack(">q", head["seq"]),
                     at_hash, struct.pack(">q", head["at_ms"]))
    if head["key"] != signature["key"] or not signed(head["key"], message, head["signature"]):
        fail("the signature of the head")
    compared = "" if expected else " (the key was not compared)"
    print(f"holds: {len(items)} items, {len(entries)} entries: {' '.join(row['action'] for row in entries)}{compared}")


if len(sys.argv) not in (2, 3):
    sys.exit("usage: verify_review.py ARCHIVE [KEY]")
try:
    main(*sys.argv[1:3])
except KeyError as error:
    fail(f"something is missing: {error.args[0]}")
except (ValueError, IndexError, zipfile.BadZipFile):
    fail("something in it cannot be read")

"""Reads an archive with nothing but Python's own library, and prints what it found as JSON. Shares no code with the writer."""

import csv
import hashlib
import io
import json
import sys
import zipfile

csv.field_size_limit(1 << 30)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def undone(cell):
    return cell[1:] if cell.startswith("'") else cell


def section(archive, said):
    lines = [json.loads(line) for line in archive.read(said["file"]).decode().splitlines()]
    table = io.StringIO(archive.read(said["table"]["file"]).decode(), newline="")
    rows = list(csv.DictReader(table))
    assert len(lines) == len(rows) == said["rows"], said["name"]
    for line, row in zip(lines, rows):
        for column, cell in row.items():
            if column == "fields" or isinstance(line.get(column), (dict, list)):
                continue
            value = line[column] if column in line else "; ".join(line.get("fields", {}).get(column, []))
            value = "" if value is None else str(value)
            numeric = value.lstrip("-").replace(".", "", 1).isdigit()
            # Nothing but a number begins with what a spreadsheet would compute.
            assert numeric or not cell.startswith(FORMULA[:-1]), (said["name"], column, cell)
            if column != "other":
                assert (cell if numeric else undone(cell)) == value, (said["name"], column, cell, value)
    return lines


def files(archive):
    """What is attached, as its hash and length."""
    attached = [name for name in archive.namelist() if name.startswith("files/")]
    return {name: [hashlib.sha256(archive.read(name)).hexdigest(), len(archive.read(name))] for name in attached}


def main(path):
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    listed = {part["file"]: part for part in manifest["parts"]}
    there = [name for name in archive.namelist() if name not in ("manifest.json", "manifest.sig")]
    assert sorted(listed) == sorted(there), (sorted(listed), sorted(there))
    for name, part in listed.items():
        content = archive.read(name)
        assert len(content) == part["bytes"] and hashlib.sha256(content).hexdigest() == part["sha256"], name
    sections = {said["name"]: section(archive, said) for said in manifest["sections"]}
    signature = json.loads(archive.read("manifest.sig"))
    texts = {name: archive.read(name).decode() for name in listed if name.startswith(("log/", "README", "index", "former-log/"))}
    print(json.dumps({"manifest": manifest, "sections": sections, "signature": signature, "texts": texts, "files": files(archive)}))


main(sys.argv[1])

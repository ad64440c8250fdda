#!/usr/bin/env python3
"""Writes THIRD-PARTY.md: the crates in the program, their licences, and the texts of these licences.

    scripts/third-party.py          writes the file
    scripts/third-party.py --check  fails if the file does not match Cargo.lock
    scripts/third-party.py --sbom   prints the same crates as a bill of materials (CycloneDX 1.5)

Of a choice of licences it takes the first that is in CHOICE. The texts are those in the folders of the crates. Python's
standard library and cargo are enough; cargo is run offline.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "THIRD-PARTY.md"
PLATFORM = "x86_64-unknown-linux-gnu"

# Most wanted first. deny.toml has the same list.
CHOICE = [
    "Apache-2.0", "MIT", "ISC", "BSD-3-Clause", "BSD-2-Clause", "0BSD", "Zlib", "Unicode-3.0", "PostgreSQL", "CDLA-Permissive-2.0",
]

HEAD = """# Third-party software

Made by `scripts/third-party.py` from Cargo.lock; do not edit. The program contains these crates on Linux, under the licence
in the last column. Two of them bring code in C along:

- **SQLite** (in `libsqlite3-sys`) is in the public domain: <https://sqlite.org/copyright.html>.
- **libpq** (in `pq-src`, with the default feature `bundled`) is under the PostgreSQL Licence.

| crate | licences offered | taken |
|---|---|---|"""


def metadata():
    command = ["cargo", "metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", PLATFORM]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def linked(data):
    """The packages that are linked into the program: normal dependencies, from the root on."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    packages = {package["id"]: package for package in data["packages"]}
    seen, waiting = {}, [data["resolve"]["root"]]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            package = packages[dependency["pkg"]]
            is_normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            # A procedural macro, with all below it, runs in the compiler.
            is_macro = any("proc-macro" in target["kind"] for target in package["targets"])
            if is_normal and not is_macro and package["id"] not in seen:
                seen[package["id"]] = package
                waiting.append(package["id"])
    third_party = (package for package in seen.values() if package["source"])
    return sorted(third_party, key=lambda package: (package["name"], package["version"]))


def chosen(expression):
    """The licences that apply: all parts of an AND, and one of each OR."""
    expression = expression.replace("/", " OR ")
    parts = [part.strip(" ()") for part in re.split(r"\bAND\b", expression)]
    found = []
    for part in parts:
        choices = [choice.strip(" ()") for choice in re.split(r"\bOR\b", part)]
        accepted = [choice for choice in CHOICE if choice in choices]
        if not accepted:
            sys.exit(f"no accepted licence in {expression!r}; see CHOICE in {__file__}")
        found.append(accepted[0])
    return found


def read(file):
    return file.read_text(encoding="utf-8", errors="replace").strip()


def licence_text(package, licence):
    """The text of a licence in the folder of a package, or else in scripts/licences/."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if re.match(r"(?i)(licen[cs]e|copying|copyright)", file.name))
    files = [file for file in files if file.is_file()]
    word = licence.split("-")[0].lower()
    named = [file for file in files if word in file.name.lower()]
    # A file for all licences, or one without a name.
    plain = [file for file in files if not re.search(r"(?i)apache|mit|third", file.name)]
    kept = [file for file in [ROOT / "scripts" / "licences" / f"{package['name']}.txt"] if file.exists()]
    found = named or plain or files or kept
    if not found:
        sys.exit(f"{package['name']} has no text of {licence}: put it into scripts/licences/")
    return read(found[0])


def block(labels, text):
    return [f"{', '.join(labels)}:", "", "```text", text.replace("```", "'''"), "```", ""]


def render():
    rows, texts, notices = [], {}, {}
    for package in linked(metadata()):
        label = f"{package['name']} {package['version']}"
        licences = chosen(package["license"] or "")
        rows.append(f"| {label} | {package['license']} | {', '.join(licences)} |")
        for notice in sorted(Path(package["manifest_path"]).parent.glob("NOTICE*")):
            notices.setdefault(read(notice), []).append(label)
        # Apache-2.0 has one text for all.
        for licence in (licence for licence in licences if licence != "Apache-2.0"):
            text = licence_text(package, licence)
            texts.setdefault(licence, {}).setdefault(text, []).append(label)
    lines = [HEAD, *rows, "", "## Apache-2.0", "", "The text is in [LICENSE-APACHE](LICENSE-APACHE).", ""]
    for text, labels in notices.items():
        lines += ["Notice:", "", *block(labels, text)]
    for licence, by_text in sorted(texts.items()):
        lines += [f"## {licence}", ""]
        for text, labels in by_text.items():
            lines += block(labels, text)
    return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n"))


def component(package, checksums):
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": package["license"].replace("/", " OR ")}],
        "hashes": [{"alg": "SHA-256", "content": checksums[(name, version)]}],
    }


def bill_of_materials():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
    checksums = {(entry["name"], entry["version"]): entry.get("checksum") for entry in lock["package"]}
    data = metadata()
    root = next(package for package in data["packages"] if package["id"] == data["resolve"]["root"])
    packages = linked(data)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:cargo/{root['name']}@{root['version']}",
                "name": root["name"],
                "version": root["version"],
                "licenses": [{"expression": root["license"]}],
            }
        },
        "components": [component(package, checksums) for package in packages],
    }
    return json.dumps(bill, indent=1)


def main():
    if sys.argv[1:] == ["--sbom"]:
        print(bill_of_materials())
        return
    text = render()
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
            sys.exit("THIRD-PARTY.md does not match Cargo.lock: run scripts/third-party.py")
    else:
        TARGET.write_text(text, encoding="utf-8")


main()

#!/usr/bin/env python3
"""Puts into a root file system what is to be known of it: usr/share/sbom/noveum-gateway.spdx.json (SPDX 2.3) and the licences.

    deploy/bill.py ROOT      ROOT is what deploy/rootfs.sh laid out, of files of this machine

Packages are asked of dpkg. Elsewhere the bill has the files with their sums and says NOASSERTION of the rest. Nothing in it is of
this run: the time is SOURCE_DATE_EPOCH's, and the document is named by a hash of what it says.
"""
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
DOCS = pathlib.Path("/usr/share/doc")
COMMON = pathlib.Path("/usr/share/common-licenses")
# In the program itself, by their headers or an archive (docs/dependencies.md).
COMPILED_IN = ["libnanopb-dev", "uthash-dev", "libxxhash-dev"]
CERTIFICATES = "ca-certificates"
# Licences by Debian's source package, of what the program asks for itself; its copyright file has the others'.
LICENSES = {
    "libevent": "BSD-3-Clause", "openssl": "Apache-2.0", "nghttp2": "MIT", "curl": "curl", "nanopb": "Zlib", "jansson": "MIT",
    "libdeflate": "MIT", "libisal": "BSD-3-Clause", "libzstd": "BSD-3-Clause", "libyaml": "MIT", "pcre2": "BSD-3-Clause",
    "utf8proc": "MIT", "sqlite3": "blessing", "librdkafka": "BSD-2-Clause", "xxhash": "BSD-2-Clause", "uthash": "BSD-1-Clause",
    "glibc": "LGPL-2.1-or-later", "ca-certificates": "MPL-2.0", "zlib": "Zlib", "brotli": "MIT", "lz4": "BSD-2-Clause"}


def asked(*command):
    """What a command prints; empty where it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def owners_of(names):
    """{file of this machine: the package that owns it}, also where /lib is a link to /usr/lib."""
    spelled = {}
    for name in names:
        for one in (name, "/usr" + name, name.removeprefix("/usr"), os.path.realpath(name)):
            spelled.setdefault(one, name)
    answers = re.findall(r"^([^\s:,]+)(?::\w+)?: (.*)$", asked("dpkg-query", "-S", *spelled), re.M) if names else []
    return {spelled[path]: package for package, path in answers if path in spelled}


def facts_of(package):
    """Version, source and architecture of an installed package; None when it is not."""
    words = asked("dpkg-query", "-W", "-f=${Version}\t${source:Package}\t${Architecture}\n", package).splitlines()
    return dict(zip(("version", "source", "arch"), words[0].split("\t"))) if words else None


def put_licences(root, packages):
    """Copyright files of `packages`, the common ones that these name, and our own."""
    named = set()
    for package in packages:
        source = DOCS / package / "copyright"
        if source.exists():
            target = root / "usr/share/doc" / package / "copyright"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            named |= set(re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", target.read_text("utf-8", "replace")))
    for name in sorted(named):
        if (COMMON / name).is_file():
            target = root / "usr/share/common-licenses" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(COMMON / name, target)
    ours = root / "usr/share/doc/noveum-gateway/copyright"
    ours.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / "LICENSE", ours)


def identifier(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name.strip("/"))


def package_entry(name, facts, system):
    """A package of the distribution as SPDX has it."""
    return {
        "SPDXID": identifier("Package", name), "name": name, "versionInfo": facts["version"],
        "supplier": f"Organization: {system.capitalize()}", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION", "licenseDeclared": LICENSES.get(facts["source"], "NOASSERTION"),
        "licenseComments": f"/usr/share/doc/{name}/copyright", "copyrightText": "NOASSERTION",
        "sourceInfo": f"source package {facts['source']}",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": f"pkg:deb/{system}/{name}@{facts['version']}?arch={facts['arch']}"}]}


def gateway_entry():
    version = re.search(r"^project\(.* VERSION ([0-9.]+)", (HERE / "CMakeLists.txt").read_text("utf-8"), re.M)[1]
    return {
        "SPDXID": "SPDXRef-Package-noveum-gateway", "name": "noveum-gateway", "versionInfo": version,
        "supplier": "Organization: Noveum", "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "APPLICATION"}


def file_entry(root, path):
    data = path.read_bytes()
    name = "/" + str(path.relative_to(root))
    return {"SPDXID": identifier("File", name), "fileName": "." + name, "licenseConcluded": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                          {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}]}


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def contents(root):
    """{file in the image: its package or None}, but for licences and bill."""
    beside = ("/usr/share/doc/", "/usr/share/common-licenses/", "/usr/share/sbom/")
    found = {}
    for path in sorted(root.rglob("*")):
        name = "/" + str(path.relative_to(root))
        if path.is_file() and not path.is_symlink() and not name.startswith(beside):
            found[name] = path
    owners = owners_of([name for name in found if ".so" in name])
    owners |= {name: CERTIFICATES for name in found if name.endswith("ca-certificates.crt")}
    return {path: owners.get(name) for name, path in found.items()}


def document(root, files):
    """The bill of `files` ({path: package})."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)', pathlib.Path("/etc/os-release").read_text("utf-8"), re.M))
    system = release.get("ID", "linux")
    facts = {name: facts_of(name) for name in sorted({p for p in files.values() if p} | set(COMPILED_IN))}
    packages = [gateway_entry()] + [package_entry(name, one, system) for name, one in facts.items() if one]
    gateway = "SPDXRef-Package-noveum-gateway"
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", gateway)]
    relations += [relation(gateway, "STATIC_LINK" if name in COMPILED_IN else "DEPENDS_ON", identifier("Package", name))
                  for name, one in facts.items() if one]
    entries = [file_entry(root, path) for path in files]
    for entry, package in zip(entries, files.values()):
        owner = identifier("Package", package) if package and facts.get(package) else gateway
        relations.append(relation(entry["SPDXID"], "GENERATED_FROM", owner))
    body = {"packages": packages, "files": entries, "relationships": relations}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or 0), datetime.timezone.utc)
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "noveum-gateway image",
            "documentNamespace": f"https://noveum.ai/spdx/noveum-gateway-{digest}",
            "creationInfo": {"created": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: deploy/bill.py", "Organization: Noveum"]},
            **body}


def main():
    """Command line."""
    root = pathlib.Path(sys.argv[1])
    files = contents(root)
    put_licences(root, sorted({p for p in files.values() if p} | set(COMPILED_IN)))
    bill = root / "usr/share/sbom/noveum-gateway.spdx.json"
    bill.parent.mkdir(parents=True, exist_ok=True)
    bill.write_text(json.dumps(document(root, files), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

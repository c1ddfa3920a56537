"""What we depend on, as the lock pins it: under which licences, and with which known vulnerabilities.

    python -m tools.audit [LOCK ...]

Licences are read from what is installed. Vulnerabilities are asked of osv.dev, with names and versions alone;
where that cannot be reached nothing is known of them, which is said and is no success.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import httpx

LOCKS = ("requirements-dev.lock",)
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
ADVISORIES = "https://api.osv.dev/v1/querybatch"
TIMEOUT_SECONDS = 20.0
# Their users need do no more than keep a notice; and weak copyleft, which asks nothing of the code around it.
ALLOWED = re.compile(
    r"\b(MIT|0?BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|Zlib|HPND|CNRI|CC0|ZPL|DFSG"
    r"|MPL|Mozilla|LGPL|LGPLv3|Lesser)\b",
    re.IGNORECASE,
)
EACH = re.compile(r",|\bAND\b")  # of these parts has to be allowed


def pinned(locks: Sequence[Path]) -> Mapping[str, str]:
    """Versions by name, in the locks' order."""
    return {name.lower(): version for lock in locks for name, version in PINNED.findall(lock.read_text())}


def licence_of(name: str) -> str | None:
    """What the installed package says of itself; None where it is not installed, being another system's."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if expression := about.get("License-Expression"):
        return expression
    classifiers = [
        line.rpartition("::")[2].strip()
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    text = (about.get("License") or "").strip().splitlines()
    return ", ".join(classifiers) or (text[0] if text else "unknown")


def refused(licences: Mapping[str, str]) -> Iterator[str]:
    for name, licence in licences.items():
        if not all(ALLOWED.search(part) for part in EACH.split(licence)):
            yield f"{name}: {licence}"


def vulnerable(versions: Mapping[str, str], client: httpx.Client) -> Iterator[str]:
    """A line for each package with known vulnerabilities."""
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in versions.items()
    ]
    answer = client.post(ADVISORIES, json={"queries": queries}, timeout=TIMEOUT_SECONDS).raise_for_status()
    for (name, version), found in zip(versions.items(), answer.json()["results"], strict=True):
        if ids := [one["id"] for one in found.get("vulns", ())]:
            yield f"{name} {version}: {', '.join(ids)}"


def main(arguments: Sequence[str]) -> int:
    versions = pinned([Path(lock) for lock in arguments or LOCKS])
    licences = {name: licence for name in versions if (licence := licence_of(name)) is not None}
    for name, licence in licences.items():
        print(f"{name:28} {versions[name]:12} {licence}")
    if absent := [name for name in versions if name not in licences]:
        print(f"not installed here, and so not looked at: {', '.join(absent)}")
    against = list(refused(licences))
    for line in against:
        print(f"licence to be looked at: {line}", file=sys.stderr)
    try:
        with httpx.Client() as client:
            known = list(vulnerable(versions, client))
    except httpx.HTTPError as error:
        print(f"vulnerabilities not looked up: osv.dev cannot be reached ({error})", file=sys.stderr)
        return 1 if against else 4
    for line in known:
        print(f"known vulnerability: {line}", file=sys.stderr)
    print(
        f"{len(versions)} packages, {len(against)} licences refused, {len(known)} with known vulnerabilities"
    )
    return 1 if against or known else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

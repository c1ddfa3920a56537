"""The run as JUnit XML, one case per cell and comparison, for whatever shows test results.

A broken measurement is an error, and a collapse or an expectation that is not met a failure. A loss is a
result; an unresolved comparison is skipped.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from gainbench.report import limits, numbers, proofs, words
from gainbench.store.results import (
    CellFigures,
    ComparisonFigures,
    ExpectationFigures,
    ProofFigures,
    Results,
)

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Results) -> str:
    pairs = [(cell, found) for cell in results.cells for found in cell.comparisons]
    expected = results.expectations
    return _suite(
        results,
        [*(_case(results, cell, found) for cell, found in pairs), *map(_expectation, expected)],
        failures=sum(found.verdict == "collapsed" for _, found in pairs)
        + sum(not found.is_met and found.verdict != "invalid" for found in expected),
        errors=sum(found.verdict == "invalid" for _, found in pairs)
        + sum(found.verdict == "invalid" for found in expected),
        skipped=sum(found.verdict == "unresolved" for _, found in pairs),
    )


def render_proofs(results: Results) -> str:
    """One case for each truth; a figure that is wrong fails, and so does a refusal that is not allowed."""
    found = results.proofs
    return _suite(results, [_proof(one) for one in found], failures=sum(not one.is_allowed for one in found))


def _suite(
    results: Results, cases: Sequence[ET.Element], *, failures: int = 0, errors: int = 0, skipped: int = 0
) -> str:
    run = results.run
    suite = ET.Element(
        "testsuite",
        name="gainbench",
        id=run.id,
        timestamp=run.started.removesuffix("Z"),
        time=f"{run.seconds:.1f}",
        tests=str(len(cases)),
        failures=str(failures),
        errors=str(errors),
        skipped=str(skipped),
    )
    suite.extend(cases)
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _proof(found: ProofFigures) -> ET.Element:
    case = ET.Element("testcase", classname="prove", name=_clean(found.id), time=f"{found.seconds:.1f}")
    told = f"{found.known}: truth {proofs.truth(found)}, measured {proofs.figure(found)}"
    if not found.is_allowed:
        ET.SubElement(case, "failure", type=found.verdict, message=_clean(f"{proofs.verdict(found)}: {told}"))
    ET.SubElement(case, "system-out").text = _clean(f"{told}\n{found.verdict}\n{found.note}".rstrip())
    return case


def _expectation(found: ExpectationFigures) -> ET.Element:
    case = ET.Element("testcase", classname="expected", name=_clean(f"{found.text} at {found.cell}"))
    said = words.expectation(found)
    if found.verdict == "invalid":
        ET.SubElement(case, "error", type="invalid", message=_clean(said))
    elif not found.is_met:
        ET.SubElement(case, "failure", type="not met", message=_clean(said))
    ET.SubElement(case, "system-out").text = _clean(said)
    return case


def _case(results: Results, cell: CellFigures, found: ComparisonFigures) -> ET.Element:
    case = ET.Element("testcase", classname=_clean(cell.key), name=_clean(words.pair(found)))
    if found.verdict == "invalid":
        ET.SubElement(case, "error", type="invalid", message=_clean(limits.broken(cell)))
    if found.verdict == "collapsed":
        reasons = [
            f"{gone.arm} {gone.state}: {gone.reason}"
            for gone in results.collapses
            if gone.cell == cell.key and gone.arm in (found.baseline, found.candidate)
        ]
        ET.SubElement(case, "failure", type="collapsed", message=_clean("; ".join(reasons)))
    if found.verdict == "unresolved":
        ET.SubElement(case, "skipped", message=_clean(words.line(found)))
    changed = words.changed_requests(results) if found.headline else None
    lines = [words.line(found), *([changed] if changed else []), *found.notes]
    lines += [
        f"{name}: {numbers.rate(arm.throughput_rps) if arm.state == 'ok' else arm.state}"
        for name, arm in cell.arms.items()
        if name in (found.baseline, found.candidate)
    ]
    ET.SubElement(case, "system-out").text = _clean("\n".join(lines))
    return case


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

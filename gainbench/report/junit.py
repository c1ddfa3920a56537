"""The run as JUnit XML, one case per cell and comparison, for whatever shows test results.

Only a broken measurement is an error. A collapse or a loss is a result; an unresolved comparison is skipped.
"""

import re
from xml.etree import ElementTree as ET

from gainbench.report import numbers, words
from gainbench.store.results import CellFigures, ComparisonFigures, Results

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Results) -> str:
    run = results.run
    pairs = [(cell, found) for cell in results.cells for found in cell.comparisons]
    suite = ET.Element(
        "testsuite",
        name="gainbench",
        id=run.id,
        timestamp=run.started.removesuffix("Z"),
        time=f"{run.seconds:.1f}",
        tests=str(len(pairs)),
        failures="0",
        errors=str(sum(found.verdict == "invalid" for _, found in pairs)),
        skipped=str(sum(found.verdict == "unresolved" for _, found in pairs)),
    )
    for cell, found in pairs:
        suite.append(_case(cell, found))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _case(cell: CellFigures, found: ComparisonFigures) -> ET.Element:
    case = ET.Element("testcase", classname=_clean(cell.key), name=_clean(words.pair(found)))
    if found.verdict == "invalid":
        ET.SubElement(case, "error", type="invalid", message=_clean(words.broken(cell)))
    if found.verdict == "unresolved":
        ET.SubElement(case, "skipped", message=_clean(words.line(found)))
    lines = [words.line(found), *found.notes]
    lines += [
        f"{name}: {numbers.rate(arm.throughput_rps) if arm.state == 'ok' else arm.state}"
        for name, arm in cell.arms.items()
        if name in (found.baseline, found.candidate)
    ]
    ET.SubElement(case, "system-out").text = _clean("\n".join(lines))
    return case


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

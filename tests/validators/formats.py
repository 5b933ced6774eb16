"""What other programs make of the doctor's formats. Usage: formats.py DIRECTORY

The directory holds NAME.json, NAME.junit.xml, NAME.oscal.json, NAME.nagios and schema.json.
"""

import json
import pathlib
import re
import sys

import jsonschema
import junitparser
from trestle.oscal.assessment_results import Model as AssessmentResults

STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
place = pathlib.Path(sys.argv[1])
schema = json.loads((place / "schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
failures = 0
looked_at = 0


def fail(path, words):
    global failures
    failures += 1
    print(f"FAILED {path.name}: {words}")


def statuses(report):
    counts = {}
    for finding in report["findings"]:
        counts[finding["status"]] = counts.get(finding["status"], 0) + 1
    return counts


def junit(path, report):
    xml = junitparser.JUnitXml.fromfile(str(path))
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    cases = 0
    for suite in xml:
        for name in counts:
            counts[name] += getattr(suite, name)
        cases += len(list(suite))
    said = statuses(report)
    expected = {
        "tests": len(report["findings"]),
        "failures": said.get("fail", 0),
        "errors": said.get("unknown", 0),
        "skipped": sum(said.get(status, 0) for status in ("skip", "blocked", "waived")),
    }
    if counts != expected or cases != expected["tests"]:
        fail(path, f"{counts} and {cases} cases, expected {expected}")
    if any(getattr(xml, name) != expected[name] for name in expected):
        fail(path, "the totals differ from the suites")


def oscal(path, report):
    model = AssessmentResults.model_validate_json(path.read_text())
    result = model.assessment_results.results[0]
    selected = [finding for finding in report["findings"] if finding["selected"]]
    evaluated = [finding for finding in selected if finding["status"] != "skip"]
    if len(result.observations or []) != len(selected) or len(result.findings or []) != len(evaluated):
        fail(path, "observations or findings are missing")
    satisfied = [finding for finding in result.findings or [] if finding.target.status.state.value == "satisfied"]
    if len(satisfied) != statuses(report).get("pass", 0):
        fail(path, "something that did not pass is satisfied, or the other way round")
    document = json.loads(path.read_text())["assessment-results"]
    risks = document["results"][0].get("risks", [])
    waived = [risk for risk in risks if risk["status"] == "deviation-approved"]
    if len(waived) != statuses(report).get("waived", 0):
        fail(path, f"{len(waived)} approved deviations")
    uuids = re.findall(r'"uuid": "([^"]+)"', path.read_text())
    if len(uuids) != len(set(uuids)):
        fail(path, "a UUID stands twice")


def nagios(path, report):
    """The convention as the plugin guidelines have it."""
    text = path.read_text()
    first, _, rest = text.partition("\n")
    words, _, data = first.partition("|")
    if not words.startswith(f"SESAM {STATES[report['exit_code']]} - "):
        fail(path, words[:60])
    more = rest.rpartition("|")[2] if "|" in rest else ""
    figure = re.compile(r"('[^'=|]+'|[^\s'=|]+)=(-?[0-9.]+(?:e-?[0-9]+)?)(s|us|ms|%|[KMGT]?B|c)?(;[-0-9.:~@]*){0,4}(\s+|$)")
    for part in (data.strip(), more.strip()):
        position = 0
        while position < len(part):
            match = figure.match(part, position)
            if not match:
                fail(path, f"no performance data: {part[position:position + 60]}")
                break
            position = match.end()


for path in sorted(place.glob("*.json")):
    name = path.name.removesuffix(".json")
    if name == "schema" or name.endswith(".oscal"):
        continue
    report = json.loads(path.read_text())
    for error in list(validator.iter_errors(report))[:3]:
        fail(path, f"schema: {error.message[:200]}")
    for ending, look in (("junit.xml", junit), ("oscal.json", oscal), ("nagios", nagios)):
        looked_at += 1
        try:
            look(place / f"{name}.{ending}", report)
        except Exception as error:
            fail(place / f"{name}.{ending}", f"{type(error).__name__}: {str(error)[:600]}")

print(f"{looked_at} documents, {failures} failures")
sys.exit(1 if failures or not looked_at else 0)

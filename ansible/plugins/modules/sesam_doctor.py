#!/usr/bin/python
# Licensed under the Apache License 2.0, see LICENSE.
"""Runs sesam-doctor, lets it mend what it can where that is wanted, and hands its report to the play."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: sesam_doctor
short_description: Examine a machine for self-hosted Sesam, and mend it
description:
  - Runs C(sesam-doctor), which has to be installed, and returns its report.
  - Examining changes nothing. With O(fix=true) what can be mended is mended, and the result is changed where something was.
author:
  - Sesam (@sesam-io)
options:
  command:
    description: The program.
    type: path
    default: /usr/bin/sesam-doctor
  profile:
    description: The profile to judge by, a name or a file; that of the settings where it is not said.
    type: str
  config:
    description: The settings file, where it is not /etc/sesam-doctor/config.toml.
    type: path
  only:
    description: Checks or categories to run; all where none is named.
    type: list
    elements: str
    default: []
  skip:
    description: Checks or categories to leave out.
    type: list
    elements: str
    default: []
  offline:
    description: Make no network connection except to the Docker socket.
    type: bool
    default: false
  strict:
    description: Recommended requirements count as required, warnings as failures.
    type: bool
    default: false
  timeout:
    description: Limit for any one probe, in seconds.
    type: float
    default: 5
  fix:
    description:
      - Mend what can be mended. In check mode the plan is made and nothing is done.
      - A plan that needs an answer which is not given fails before anything is changed, with the answers that are missing.
    type: bool
    default: false
  answers:
    description:
      - With O(fix=true), a file of answers on the machine; C(docs/answers.example.toml) shows one.
      - A secret stands in a file of its own there, or in the environment of the task (C(SESAM_DOCTOR_REGISTRY_PASSWORD)).
    type: path
  fail_on:
    description:
      - What makes the task fail. V(warn) includes V(fail); V(unknown) includes both.
      - With O(fix=true) the machine as it is afterwards counts; in check mode not what the plan is to mend.
      - Where no report could be made, or a step of mending failed, the task fails in any case.
    type: str
    choices: [fail, warn, unknown, never]
    default: fail
attributes:
  check_mode:
    support: full
    description: With O(fix=true) the plan is made, and nothing is done.
  diff_mode:
    support: full
    description: With O(fix=true) the diffs of the plan, of every file that a step writes.
"""

EXAMPLES = r"""
- name: Fail where a requirement is not met
  sesam.doctor.sesam_doctor:
    skip: [hardware.storage-speed]

- name: Only look
  sesam.doctor.sesam_doctor:
    fail_on: never
  register: audit

- name: Mend what can be mended
  sesam.doctor.sesam_doctor:
    fix: true
    answers: /etc/sesam-doctor/answers.toml
"""

RETURN = r"""
status:
  description: The worst of all checks.
  returned: where a report was made
  type: str
  sample: fail
exit_code:
  description: 0 all passed, 1 a warning, 2 a failure, 3 something could not be determined.
  returned: where a report was made
  type: int
root_causes:
  description: The failing checks that no other failing check explains.
  returned: where a report was made
  type: list
  elements: str
unmet:
  description: One line for each root cause, and for each warning and unknown that counts.
  returned: where a report was made
  type: list
  elements: str
steps:
  description: With O(fix=true), what was planned, in its order, and what became of it.
  returned: with O(fix=true)
  type: list
  elements: dict
  contains:
    words:
      description: What the step does.
      type: str
    result:
      description: V(done), V(not-needed), V(declined), V(failed) or V(not-reached); V(planned) in check mode.
      type: str
    reason:
      description: Why it failed.
      type: str
left_to_a_person:
  description: With O(fix=true), what could not be mended or taken back.
  returned: with O(fix=true)
  type: list
  elements: str
run:
  description: The name of the run, for C(sesam-doctor undo); none where nothing was changed.
  returned: with O(fix=true), out of check mode
  type: str
report:
  description: The whole report; C(sesam-doctor schema) describes it.
  returned: where a report was made
  type: dict
"""

import json

from ansible.module_utils.basic import AnsibleModule

# What each word lets count.
COUNTED = {
    "never": (),
    "fail": ("fail",),
    "warn": ("fail", "warn"),
    "unknown": ("fail", "warn", "unknown"),
}


# How a run is to be mended without a person.
MENDING = ["--fix", "--yes"]
PLANNING = ["--fix", "--dry-run"]


def command_line(parameters, mode):
    words = [parameters["command"], "--no-progress", "--format", "json"] + mode
    words += ["--timeout", "{0:g}".format(parameters["timeout"])]
    for name in ("profile", "config"):
        if parameters[name]:
            words += ["--" + name, parameters[name]]
    if mode and parameters["answers"]:
        words += ["--answers", parameters["answers"]]
    for name in ("only", "skip"):
        for word in parameters[name]:
            words += ["--" + name, word]
    for name in ("offline", "strict"):
        if parameters[name]:
            words.append("--" + name)
    return words


def run(module, mode, member):
    """The document that a run prints, which has to have that member, and what it said beside it."""
    code, words, complaint = module.run_command(command_line(module.params, mode))
    try:
        document = json.loads(words)
    except ValueError:
        document = None
    if not isinstance(document, dict) or member not in document:
        module.fail_json(msg="no report was made (exit code {0}): {1}".format(code, complaint.strip()), rc=code)
    return document, complaint


def examine(module):
    return run(module, [], "findings")[0]


def plan(module):
    document, complaint = run(module, PLANNING, "steps")
    if complaint.strip():
        module.warn(complaint.strip())
    return document


def differences(planned):
    return [
        {"prepared": "# {0}\n{1}".format(step["words"], step["difference"])}
        for step in planned["steps"]
        if step["difference"]
    ]


def unmet(report, counted, planned_for):
    """Root causes first, then what else counts and is no consequence of them."""
    roots = report["root_causes"]
    findings = [
        finding
        for finding in report["findings"]
        if finding["status"] in counted and finding["id"] not in planned_for
    ]
    findings.sort(key=lambda finding: finding["id"] not in roots)
    return [
        "{id}: {summary}".format(id=finding["id"], summary=finding["summary"])
        for finding in findings
        if finding["status"] != "fail" or finding["id"] in roots
    ]


def planned_result(planned):
    return {
        "changed": bool(planned["steps"]),
        "steps": [{"words": step["words"], "result": "planned", "reason": None} for step in planned["steps"]],
        "left_to_a_person": planned["left_to_a_person"],
    }


def mended_result(remediation):
    steps = remediation["steps"]
    return {
        "changed": any(step["result"] == "done" for step in steps),
        "steps": steps,
        "left_to_a_person": remediation["left"],
        "run": remediation["run"],
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "command": {"type": "path", "default": "/usr/bin/sesam-doctor"},
            "profile": {"type": "str"},
            "config": {"type": "path"},
            "only": {"type": "list", "elements": "str", "default": []},
            "skip": {"type": "list", "elements": "str", "default": []},
            "offline": {"type": "bool", "default": False},
            "strict": {"type": "bool", "default": False},
            "timeout": {"type": "float", "default": 5},
            "fix": {"type": "bool", "default": False},
            "answers": {"type": "path"},
            "fail_on": {"type": "str", "choices": ["fail", "warn", "unknown", "never"], "default": "fail"},
        },
        supports_check_mode=True,
    )
    result = {"changed": False}
    planned_for = set()
    if module.params["fix"]:
        planned = plan(module) if module.check_mode or module._diff else None
        if planned and module._diff:
            result["diff"] = differences(planned)
        if module.check_mode:
            result.update(planned_result(planned))
            planned_for.update(finding for step in planned["steps"] for finding in step["findings"])
            report = examine(module)
        else:
            report = run(module, MENDING, "findings")[0]
            result.update(mended_result(report["remediation"]))
    else:
        report = examine(module)
    counted = COUNTED[module.params["fail_on"]]
    lines = unmet(report, counted, planned_for)
    result.update(
        status=report["status"],
        exit_code=report["exit_code"],
        root_causes=report["root_causes"],
        unmet=lines,
        report=report,
    )
    failed = [step for step in result.get("steps", []) if step["result"] == "failed"]
    if failed:
        lines = ["{words}: {reason}".format(**step) for step in failed] + lines
    if lines:
        module.fail_json(msg="; ".join(lines), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()

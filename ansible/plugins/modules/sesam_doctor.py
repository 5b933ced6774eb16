#!/usr/bin/python
# Licensed under the Apache License 2.0, see LICENSE.
"""Runs sesam-doctor and hands its report to the play."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: sesam_doctor
short_description: Examine a machine for self-hosted Sesam
description:
  - Runs C(sesam-doctor), which has to be installed, and returns its report.
  - Examining changes nothing, so the result is never changed, in check mode or out of it.
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
  fail_on:
    description:
      - What makes the task fail. V(warn) includes V(fail); V(unknown) includes both.
      - Where no report could be made the task fails in any case.
    type: str
    choices: [fail, warn, unknown, never]
    default: fail
attributes:
  check_mode:
    support: full
    description: Examining changes nothing.
  diff_mode:
    support: none
    description: Examining changes nothing.
"""

EXAMPLES = r"""
- name: Fail where a requirement is not met
  sesam.doctor.sesam_doctor:
    skip: [hardware.storage-speed]

- name: Only look
  sesam.doctor.sesam_doctor:
    fail_on: never
  register: audit
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


def command_line(parameters):
    words = [parameters["command"], "--no-progress", "--format", "json"]
    words += ["--timeout", "{0:g}".format(parameters["timeout"])]
    for name in ("profile", "config"):
        if parameters[name]:
            words += ["--" + name, parameters[name]]
    for name in ("only", "skip"):
        for word in parameters[name]:
            words += ["--" + name, word]
    for name in ("offline", "strict"):
        if parameters[name]:
            words.append("--" + name)
    return words


def parsed(text):
    try:
        report = json.loads(text)
    except ValueError:
        return None
    return report if isinstance(report, dict) and "findings" in report else None


def unmet(report, counted):
    """Root causes first, then what else counts and is no consequence of them."""
    roots = report["root_causes"]
    findings = [finding for finding in report["findings"] if finding["status"] in counted]
    findings.sort(key=lambda finding: finding["id"] not in roots)
    return [
        "{id}: {summary}".format(id=finding["id"], summary=finding["summary"])
        for finding in findings
        if finding["status"] != "fail" or finding["id"] in roots
    ]


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
            "fail_on": {"type": "str", "choices": ["fail", "warn", "unknown", "never"], "default": "fail"},
        },
        supports_check_mode=True,
    )
    code, words, complaint = module.run_command(command_line(module.params))
    report = parsed(words)
    if report is None:
        module.fail_json(msg="no report was made (exit code {0}): {1}".format(code, complaint.strip()), rc=code)
    counted = COUNTED[module.params["fail_on"]]
    lines = unmet(report, counted)
    result = {
        "changed": False,
        "status": report["status"],
        "exit_code": report["exit_code"],
        "root_causes": report["root_causes"],
        "unmet": lines,
        "report": report,
    }
    if any(finding["status"] in counted for finding in report["findings"]):
        module.fail_json(msg="; ".join(lines) or report["status"], **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()

"""Run as ``aws``: answers as AWS does of what a file says that runs there, and of what becomes of releases.

A deployment of the service that is ``bad`` there is taken back, as ECS does.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["CLOUD_STATE"])


def answered(known: dict[str, Any], verb: str, said: dict[str, str]) -> dict[str, Any]:
    if verb == "register-task-definition":
        family = json.loads(said["--cli-input-json"])["family"]
        return {"taskDefinition": {"taskDefinitionArn": f"arn:task-definition/{family}:new"}}
    if verb == "run-task":
        return {"tasks": [{"taskArn": "arn:task/1"}], "failures": []}
    if verb == "describe-tasks":
        ended = {"lastStatus": "STOPPED", "containers": [{"exitCode": known["exit_code"]}]}
        return {"tasks": [ended], "failures": []}
    if verb == "get-log-events":
        return {"events": [{"message": "a line of its log"}]}
    if verb == "describe-services":
        return {"services": [{"taskDefinition": known["running"][said["--services"]]}]}
    if verb == "update-service":
        service, wanted = said["--service"], said["--task-definition"]
        is_bad = service == known["bad"] and wanted.endswith(":new")
        if not is_bad:
            known["running"][service] = wanted
        status = "ROLLBACK_SUCCESSFUL" if is_bad else "SUCCESSFUL"
        arn = f"arn:{len(known['deployments'])}"
        known["deployments"].insert(0, {"serviceDeploymentArn": arn, "status": status})
        return {}
    assert verb == "list-service-deployments", verb
    return {"serviceDeployments": known["deployments"]}


def main() -> None:
    words = sys.argv[1:]
    said = {words[at]: words[at + 1] for at in range(2, len(words) - 1) if words[at].startswith("--")}
    known = json.loads(STATE.read_text())
    of = said.get("--service") or said.get("--task-definition") or ""
    known["asked"].append(f"{words[1]} {of}".strip())
    sys.stdout.write(json.dumps(answered(known, words[1], said)))
    STATE.write_text(json.dumps(known))


if __name__ == "__main__":
    main()

"""What stands for the names in ``deploy/ecs`` in tests: of the kinds that Terraform puts there."""

import re
from collections.abc import Mapping

from pipeline.workflows import ROOT
from taxi_predictor.apps.ecs.aws import Environment
from taxi_predictor.apps.ecs.definitions import ONE_OFF, SERVICES

__all__ = ["DIGEST", "IMAGES", "environment", "names_of_terraform"]

ACCOUNT = "111122223333"
DIGEST = "@sha256:" + "0" * 64
IMAGES = {
    name: f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/taxi-test/{name}{DIGEST}" for name in ("api", "jobs")
}


def environment(**values: str) -> Environment:
    """One whose values are *values* or else made up."""
    secret = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:taxi-test"
    known = {
        "region": "eu-west-1",
        "cpu_architecture": "ARM64",
        "api_name": "api.example.com",
        "dashboard_name": "dashboard.example.com",
        "vpc_cidr": "10.40.0.0/16",
        "redis_url": "rediss://cache.example:6379",
        "mlflow_uri": "http://mlflow.taxi.internal:5000",
        "mlflow_host": "mlflow.taxi.internal",
        "artifacts": "s3://taxi-test-artifacts",
        "database_host": "taxi-test.example",
        **{f"{name}_image": f"{name}{DIGEST}" for name in ("api", "dashboard", "jobs", "mlflow", "roles")},
        **{
            name: f"{secret}/{name}-AbCdEf"
            for name in (
                *("master_secret", "database_ca", "role_passwords"),
                *("app_url", "owner_url", "dashboard_url", "mlflow_url"),
            )
        },
    }
    tasks = (*SERVICES, *ONE_OFF)
    role = f"arn:aws:iam::{ACCOUNT}:role/taxi-test"
    return Environment(
        prefix="taxi-test",
        cluster="taxi-test",
        subnets=["subnet-1", "subnet-2"],
        groups={task: f"sg-{task}" for task in tasks},
        roles={task: {"execution": f"{role}-{task}-execution", "task": f"{role}-{task}"} for task in tasks},
        values={**known, **values},
    )


def names_of_terraform() -> Mapping[str, str]:
    """What ``deploy/terraform/tasks.tf`` puts in place of names."""
    text = (ROOT / "deploy" / "terraform" / "tasks.tf").read_text("utf-8")
    block = re.search(r"\n  values = \{\n(.*?)\n  \}\n", text, re.DOTALL)
    assert block
    return dict(re.findall(r"^    (\w+)\s+= (.+)$", block[1], re.MULTILINE))

"""Network, cluster, buckets, images and rights applied by Terraform on moto, and its API asked what is there."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.terraform import ROOT, NoProviderError, Terraform, quiet, terraform

REGION, REPLICA = "eu-central-1", "eu-west-1"
KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
SERVICES = ("ec2", "ecr", "eks", "iam", "kms", "logs", "rds", "s3", "secretsmanager", "sts")
PROVIDER = """
provider "aws" {
  %(alias)s
  region                      = "%(region)s"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
  default_tags {
    tags = { project = "hidden-gems" }
  }
  endpoints {
    %(endpoints)s
  }
}
"""
MODULES = """
module "encryption" {
  source = "./modules/encryption"
  name   = "hidden-gems-moto"
}

module "network" {
  source      = "./modules/network"
  name        = "hidden-gems-moto"
  cidr        = "10.42.0.0/16"
  kms_key_arn = module.encryption.key_arn
}

module "cluster" {
  source             = "./modules/cluster"
  name               = "hidden-gems-moto"
  kubernetes_version = "1.35"
  subnet_ids         = module.network.private_subnet_ids
  kms_key_arn        = module.encryption.key_arn
  addons             = false # moto has no add-ons
  node_groups = {
    system   = { instance_types = ["m6a.large"], part = "monitoring", min = 2, desired = 2, max = 3 }
    training = { instance_types = ["p3.2xlarge"], part = "training", capacity = "SPOT", gpu = true, max = 2 }
  }
}

module "replica" {
  source    = "./modules/replica"
  providers = { aws = aws.replica }
  name      = "hidden-gems-moto"
  buckets   = { artifacts = {}, models = {}, events = { noncurrent_days = 7 } }
}

module "storage" {
  source              = "./modules/storage"
  name                = "hidden-gems-moto"
  buckets             = { artifacts = {}, models = {}, events = { noncurrent_days = 7 } }
  repositories        = ["hidden-gems/online"]
  kms_key_arn         = module.encryption.key_arn
  replica_arns        = module.replica.bucket_arns
  replica_kms_key_arn = module.replica.kms_key_arn
  replica_region      = "%(replica)s"
}

module "identity" {
  source            = "./modules/identity"
  name              = "hidden-gems-moto"
  cluster_name      = module.cluster.name
  associate         = false # moto has no Pod Identity
  bucket_arns       = module.storage.bucket_arns
  kafka_cluster_arn = "arn:aws:kafka:%(region)s:123456789012:cluster/hidden-gems-moto/0-1"
  kms_key_arn       = module.encryption.key_arn
  secrets_prefix    = "hidden-gems/moto"
}

output "bucket_names" { value = module.storage.bucket_names }
output "vpc_id" { value = module.network.vpc_id }
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A moto server on the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (tmp_path_factory.mktemp("moto") / "log").open("w") as log:
        environment = quiet(MOTO_IAM_LOAD_MANAGED_POLICIES="true")
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            for _ in range(120):
                with socket.socket() as knock:
                    if knock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, "moto ended"
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture(scope="module")
def ready() -> Iterator[Terraform]:
    try:
        with terraform() as found:
            yield found
    except NoProviderError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def outputs(ready: Terraform, address: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an apply gives."""
    folder = tmp_path_factory.mktemp("applied")
    shutil.copytree(ROOT / "modules", folder / "modules")
    _leave_out(folder / "modules" / "bucket" / "main.tf", "aws_s3_bucket_lifecycle_configuration")
    endpoints = "\n".join(f'    {service} = "{address}"' for service in SERVICES)
    text = "".join(
        PROVIDER % {"alias": alias, "region": region, "endpoints": endpoints}
        for alias, region in (("", REGION), ('alias = "replica"', REPLICA))
    )
    (folder / "main.tf").write_text(text + MODULES % {"region": REGION, "replica": REPLICA})
    for arguments in (("get", "-no-color"), ("apply", "-auto-approve", "-no-color", "-parallelism=20")):
        done = ready.run(folder, *arguments)
        assert done.returncode == 0, done.stderr
    shown = ready.run(folder, "output", "-json")
    return {name: each["value"] for name, each in json.loads(shown.stdout).items()}


def _leave_out(file: Path, resource: str) -> None:
    """Take a resource out of a file: Terraform waits a minute for lifecycles on moto (getmoto/moto#9729)."""
    text, found = re.subn(rf'^resource "{resource}" .*?^\}}\n', "", file.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert found == 1
    file.write_text(text)


@pytest.fixture
def client(address: str, outputs: dict[str, Any]) -> Callable[..., Any]:
    return lambda service, region=REGION: boto3.client(service, region, endpoint_url=address, **KEYS)


def test_the_api_of_the_cluster_is_private_and_its_secrets_encrypted(client: Callable[..., Any]) -> None:
    cluster = client("eks").describe_cluster(name="hidden-gems-moto")["cluster"]
    assert cluster["version"] == "1.35"
    assert cluster["resourcesVpcConfig"]["endpointPublicAccess"] is False
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    assert cluster["encryptionConfig"][0]["resources"] == ["secrets"]


def test_gpu_nodes_are_tainted_and_begin_at_zero(client: Callable[..., Any]) -> None:
    group = client("eks").describe_nodegroup(clusterName="hidden-gems-moto", nodegroupName="training")["nodegroup"]
    assert group["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
    assert group["scalingConfig"] == {"minSize": 0, "maxSize": 2, "desiredSize": 0}
    assert group["capacityType"] == "SPOT"
    system = client("eks").describe_nodegroup(clusterName="hidden-gems-moto", nodegroupName="system")["nodegroup"]
    assert not system.get("taints")


def test_nine_subnets_and_no_open_door(client: Callable[..., Any], outputs: dict[str, Any]) -> None:
    inside = [{"Name": "vpc-id", "Values": [outputs["vpc_id"]]}]
    ec2 = client("ec2")
    assert len(ec2.describe_subnets(Filters=inside)["Subnets"]) == 9
    for group in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]:
        sources = [each["CidrIp"] for rule in group["IpPermissions"] for each in rule["IpRanges"]]
        assert set(sources) <= {"10.42.0.0/16"}, group["GroupName"]
    assert ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [outputs["vpc_id"]]}])["FlowLogs"]


@pytest.mark.parametrize("bucket", ["artifacts", "models", "events"])
def test_a_bucket_is_private_encrypted_versioned_and_copied(
    client: Callable[..., Any], outputs: dict[str, Any], bucket: str
) -> None:
    name, s3 = outputs["bucket_names"][bucket], client("s3")
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert {"Bool": {"aws:SecureTransport": "false"}} in [each.get("Condition") for each in policy["Statement"]]
    copy = s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"]["Rules"][0]["Destination"]["Bucket"]
    assert copy == f"arn:aws:s3:::{name}-{REPLICA}"
    assert client("s3", REPLICA).get_bucket_versioning(Bucket=f"{name}-{REPLICA}")["Status"] == "Enabled"


def test_tags_of_images_cannot_be_moved(client: Callable[..., Any]) -> None:
    found = client("ecr").describe_repositories()["repositories"]
    assert [(each["repositoryName"], each["imageTagMutability"]) for each in found] == [
        ("hidden-gems/online", "IMMUTABLE")
    ]
    assert found[0]["imageScanningConfiguration"]["scanOnPush"] is True


def test_a_role_trusts_its_own_service_account(client: Callable[..., Any]) -> None:
    iam = client("iam")
    trust = iam.get_role(RoleName="hidden-gems-moto-archiver")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-namespace"] == "gems-streaming"
    rights = iam.get_role_policy(RoleName="hidden-gems-moto-ranker", PolicyName="least")["PolicyDocument"]["Statement"]
    assert {action for each in rights for action in each["Action"]} == {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}

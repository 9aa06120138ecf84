"""Every overlay renders to what a cluster takes: each thing that is named exists, and each pod is held in."""

import json
import re
from collections.abc import Callable

import pytest

from tests.infra.rendered import (
    APPS,
    OVERLAYS,
    ROOT,
    Object,
    key,
    needs_kubectl,
    objects,
    of_kind,
    pods,
    render,
    text_of,
)
from tests.infra.rendered import selects as takes

pytestmark = needs_kubectl
overlays = pytest.mark.parametrize("overlay", OVERLAYS)
KEYS = [
    "AWS_REGION", "CLUSTER_NAME", "ACCOUNT_ID", "ECR_REGISTRY", "ARTIFACTS_BUCKET", "MODELS_BUCKET", "EVENTS_BUCKET",
    "KAFKA_BOOTSTRAP_SERVERS", "REDIS_HOST", "REDIS_PORT", "POSTGRES_HOST", "POSTGRES_PORT", "DOMAIN",
]  # fmt: skip
ACCOUNTS = {
    "gems-serving": {"triton", "ranker", "transformer"},
    "gems-streaming": {"collector", "learner", "archiver", "kafka-topics"},
    "gems-features": {"materializer"},
    "gems-training": {"pipeline-runner", "trainer", "preparer"},
    "gems-mlflow": {"mlflow"},
}
"""Service accounts that Terraform gives a role to."""
OURS = {*ACCOUNTS, "gems-gateway"}


@overlays
def test_an_overlay_renders_to_the_same_bytes_each_time(overlay: str) -> None:
    assert render(APPS / overlay) == text_of(overlay)


@overlays
def test_an_overlay_is_a_difference(overlay: str) -> None:
    lines = [
        line
        for path in (APPS / overlay).rglob("*.yaml")
        for line in path.read_text().splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    assert len(lines) <= 25


def test_every_file_is_part_of_a_rendering() -> None:
    named = set()
    for path in (ROOT / "manifests").rglob("kustomization.yaml"):
        named |= {
            (path.parent / each).resolve() for each in re.findall(r"[\w./-]+\.(?:yaml|env|json)", path.read_text())
        }
    files = {path for path in (ROOT / "manifests").rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert {path for path in files if "controllers" not in path.parts} <= named


@overlays
def test_a_cluster_is_described_by_the_outputs_of_terraform(overlay: str) -> None:
    text = (APPS / overlay / "cluster" / "cluster-config.env").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line.split("=")[0] for line in lines] == KEYS
    if overlay != "local":
        assert text.startswith("# An example. `terraform output -raw cluster_config_env`")


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_values_of_the_cluster_reach_every_place(overlay: str) -> None:
    text = (APPS / overlay / "cluster" / "cluster-config.env").read_text()
    values = dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    rendered = text_of(overlay)
    unused = {"CLUSTER_NAME", "ACCOUNT_ID", "MODELS_BUCKET"}  # in names of others only; releases are the rollout's
    assert [name for name in KEYS if name not in unused and values[name] not in rendered] == []
    left = r"registry/|host:port|: (brokers|managed|host|port|tls|region)$|hidden-gems/environment/|\.domain\b|//domain"
    assert re.findall(left, rendered, re.MULTILINE) == []


@overlays
def test_namespaces_and_service_accounts_are_those_that_have_a_role(overlay: str) -> None:
    found: dict[str, set[str]] = {}
    for each in of_kind(overlay, "ServiceAccount"):
        found.setdefault(each["metadata"]["namespace"], set()).add(each["metadata"]["name"])
    assert found == ACCOUNTS
    levels = {
        each["metadata"]["name"]: each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for each in of_kind(overlay, "Namespace")
    }
    assert {name for name in levels if name != "gems-local"} == OURS
    assert {name for name, level in levels.items() if level != "restricted"} == {"gems-training"}
    assert levels["gems-training"] == "baseline"


def _secrets(overlay: str) -> dict[tuple[str, str], set[str]]:
    """Keys of the secrets that External Secrets and cert-manager make; one that is extracted whole has none here."""
    found = {}
    for each in of_kind(overlay, "ExternalSecret"):
        where = (each["metadata"]["namespace"], each["spec"]["target"]["name"])
        found[where] = {entry["secretKey"] for entry in each["spec"].get("data", ())}
    for each in of_kind(overlay, "Certificate"):
        found[each["metadata"]["namespace"], each["spec"]["secretName"]] = {"tls.crt", "tls.key"}
    return found


@overlays
def test_what_a_pod_names_is_there(overlay: str) -> None:
    secrets, missing = _secrets(overlay), []
    there = {key(each) for each in objects(overlay)}
    for pod in pods(overlay):
        wanted = [f"/PriorityClass/{pod.spec['priorityClassName']}"] if "priorityClassName" in pod.spec else []
        if "serviceAccountName" in pod.spec:
            wanted.append(f"{pod.namespace}/ServiceAccount/{pod.spec['serviceAccountName']}")
        for volume in pod.spec.get("volumes", ()):
            if "persistentVolumeClaim" in volume:
                wanted.append(f"{pod.namespace}/PersistentVolumeClaim/{volume['persistentVolumeClaim']['claimName']}")
            if "configMap" in volume:
                wanted.append(f"{pod.namespace}/ConfigMap/{volume['configMap']['name']}")
        missing += [f"{pod.owner}: {name}" for name in wanted if name not in there]
        for variable in pod.environment.values():
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and reference["key"] not in secrets.get((pod.namespace, reference["name"]), set()):
                missing.append(f"{pod.owner}: {variable['name']}")
        mounted = {mount["name"] for mount in pod.container.get("volumeMounts", ())}
        assert mounted <= {volume["name"] for volume in pod.spec.get("volumes", ())}, pod.owner
    assert missing == []


def _route(spec: Object, namespace: str) -> list[str]:
    backends = [backend for rule in spec.get("rules", ()) for backend in rule.get("backendRefs", ())]
    return [
        *(f"{parent.get('namespace', namespace)}/Gateway/{parent['name']}" for parent in spec["parentRefs"]),
        *(f"{namespace}/Service/{backend['name']}" for backend in backends),
    ]


def _policy(spec: Object, namespace: str) -> list[str]:
    return [
        *(f"{namespace}/{target['kind']}/{target['name']}" for target in spec["targetRefs"]),
        *(f"{namespace}/Secret/{each['name']}" for each in spec.get("apiKeyAuth", {}).get("credentialRefs", ())),
    ]


def _gateway(spec: Object, namespace: str) -> list[str]:
    certificates = [
        each for listener in spec["listeners"] for each in listener.get("tls", {}).get("certificateRefs", ())
    ]
    proxy = spec["infrastructure"]["parametersRef"]["name"]
    return [
        f"/GatewayClass/{spec['gatewayClassName']}",
        f"{namespace}/EnvoyProxy/{proxy}",
        *(f"{namespace}/Secret/{each['name']}" for each in certificates),
    ]


def _alerts(spec: Object, namespace: str) -> list[str]:
    keys = [config["routingKey"] for each in spec["receivers"] for config in each["pagerdutyConfigs"]]
    return [f"{namespace}/Secret/{each['name']}/{each['key']}" for each in keys]


NAMES: dict[str, Callable[[Object, str], list[str]]] = {
    "ExternalSecret": lambda spec, _: [f"/ClusterSecretStore/{spec['secretStoreRef']['name']}"],
    "Certificate": lambda spec, _: [f"/ClusterIssuer/{spec['issuerRef']['name']}"],
    "PersistentVolumeClaim": lambda spec, _: [f"/StorageClass/{spec['storageClassName']}"],
    "ScaledObject": lambda spec, namespace: [f"{namespace}/Deployment/{spec['scaleTargetRef']['name']}"],
    "HTTPRoute": _route,
    "SecurityPolicy": _policy,
    "BackendTrafficPolicy": _policy,
    "ClientTrafficPolicy": _policy,
    "Gateway": _gateway,
    "AlertmanagerConfig": _alerts,
}
"""What an object of a kind names."""


@overlays
def test_what_other_objects_name_is_there(overlay: str) -> None:
    there = {key(each) for each in objects(overlay)}
    for (namespace, name), names in _secrets(overlay).items():
        there |= {f"{namespace}/Secret/{name}", *(f"{namespace}/Secret/{name}/{each}" for each in names)}
    missing = [
        f"{key(each)}: {name}"
        for each in objects(overlay)
        if each["kind"] in NAMES
        for name in NAMES[each["kind"]](each["spec"], each["metadata"].get("namespace", ""))
        if name not in there
    ]
    assert missing == []
    for each in of_kind(overlay, "RoleBinding"):
        role, namespace = each["roleRef"], each["metadata"]["namespace"]
        assert f"{namespace if role['kind'] == 'Role' else ''}/{role['kind']}/{role['name']}" in there
        assert {f"{who['namespace']}/ServiceAccount/{who['name']}" for who in each["subjects"]} <= there


@overlays
def test_selectors_take_pods_and_ports_are_theirs(overlay: str) -> None:
    wrong = []
    for each in of_kind(overlay, "Service", "PodMonitor", "PodDisruptionBudget", "NetworkPolicy"):
        spec = each["spec"]
        selector = {"matchLabels": spec["selector"]} if each["kind"] == "Service" else spec.get("selector")
        selector = selector or spec["podSelector"]
        found = [p for p in pods(overlay) if p.namespace == each["metadata"]["namespace"] and takes(selector, p.labels)]
        if not selector:
            continue  # every pod of the namespace
        known = {port for pod in found for port in (*pod.ports, *pod.ports.values())}
        named = [
            *(port["targetPort"] for port in spec.get("ports", ())),
            *(endpoint["port"] for endpoint in spec.get("podMetricsEndpoints", ())),
            *(port["port"] for rule in spec.get("ingress", ()) for port in rule.get("ports", ())),
        ]
        wrong += [f"{key(each)}: {port}" for port in named if port not in known] + ([] if found else [key(each)])
        if each["kind"] == "PodDisruptionBudget":
            assert len({pod.owner for pod in found}) == 1, key(each)
    assert wrong == []
    for each in of_kind(overlay, "Deployment"):
        assert takes(each["spec"]["selector"], each["spec"]["template"]["metadata"]["labels"]), key(each)


@overlays
def test_what_belongs_to_the_whole_cluster_is_in_no_namespace(overlay: str) -> None:
    wide = [each for each in objects(overlay) if re.match("Cluster|.*Class$|Namespace", each["kind"])]
    assert len(wide) > 10
    assert [key(each) for each in wide if "namespace" in each["metadata"]] == []


@overlays
def test_every_pod_is_held_in(overlay: str) -> None:
    wrong = []
    for pod in pods(overlay):
        outer, inner = pod.spec["securityContext"], pod.container["securityContext"]
        limits, requests = pod.container["resources"]["limits"], pod.container["resources"]["requests"]
        holds = {
            "not root": outer["runAsNonRoot"] and inner["runAsNonRoot"] if "runAsNonRoot" in inner else False,
            "seccomp": outer["seccompProfile"] == {"type": "RuntimeDefault"},
            "no escalation": inner["allowPrivilegeEscalation"] is False,
            "no capability": inner["capabilities"] == {"drop": ["ALL"]},
            "read-only root": inner.get("readOnlyRootFilesystem") is True or pod.owner == "gems-local/Deployment/kafka",
            "no token": pod.spec["automountServiceAccountToken"] is False,
            "limits": {"cpu", "memory"} <= set(limits) and {"cpu", "memory"} <= set(requests),
            "one container": len(pod.spec["containers"]) == 1 and not pod.spec.get("initContainers"),
            "sized volumes": pod.namespace == "gems-local"
            or all("sizeLimit" in each["emptyDir"] for each in pod.spec.get("volumes", ()) if "emptyDir" in each),
        }
        wrong += [f"{pod.owner}: {name}" for name, held in holds.items() if not held]
    assert wrong == []


@overlays
def test_who_serves_is_probed_and_images_stand_still(overlay: str) -> None:
    wrong = []
    for pod in pods(overlay):
        tag = pod.container["image"].rpartition("/")[2].partition(":")[2]
        if not re.match(r"\d", tag.removeprefix("v")):
            wrong.append(f"{pod.owner}: {pod.container['image']}")
        if not re.search("/(Job|CronJob)/", pod.owner):
            wrong += [
                f"{pod.owner}: {probe}" for probe in ("readinessProbe", "livenessProbe") if probe not in pod.container
            ]
    assert wrong == []


@overlays
def test_nobody_talks_to_anybody_unless_it_is_said(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    closed = {
        each["metadata"]["namespace"]
        for each in policies
        if each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    }
    assert closed == OURS
    needs = {"GEMS_REDIS": "redis", "GEMS_KAFKA": "kafka", "PGHOST": "postgres", "AWS_REGION": "aws"}
    for pod in pods(overlay):
        if pod.namespace not in OURS:
            continue
        wanted = {needs[name] for name in pod.environment if name in needs} | (
            {"aws"} if "/deep-" in pod.owner else set()
        )
        said = {name.removeprefix("hidden-gems/reaches-") for name in pod.labels if "/reaches-" in name}
        assert said == wanted, pod.owner


@overlays
def test_no_right_is_a_wildcard_and_the_rollout_may_change_its_own_alone(overlay: str) -> None:
    rules = [rule for each in of_kind(overlay, "Role", "ClusterRole") for rule in each["rules"]]
    assert not [rule for rule in rules if "*" in rule["verbs"] + rule["resources"] + rule["apiGroups"]]
    [rollout] = of_kind(overlay, "ClusterRole")
    assert all(rule["verbs"] == ["get", "patch"] and rule["resourceNames"] for rule in rollout["rules"])
    assert of_kind(overlay, "ClusterRoleBinding") == []


def test_no_secret_lies_in_the_repository() -> None:
    for overlay in OVERLAYS:
        assert of_kind(overlay, "Secret") == []
    text = "".join(path.read_text() for path in (ROOT / "manifests").rglob("*") if path.is_file())
    assert re.findall(r"AKIA[0-9A-Z]{16}|-----BEGIN|arn:aws:iam", text) == []


def test_staging_has_the_objects_of_production() -> None:
    assert [key(each) for each in objects("staging")] == [key(each) for each in objects("production")]


TERRAFORM = ROOT / "terraform" / "environments"
needs_terraform = pytest.mark.skipif(not TERRAFORM.is_dir(), reason="terraform/ is not in this checkout")


@needs_terraform
@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_pods_choose_node_groups_that_terraform_makes(overlay: str) -> None:
    settings = json.loads((TERRAFORM / overlay / "terraform.tfvars.json").read_text())["settings"]
    chosen = {pod.spec["nodeSelector"]["pool"] for pod in pods(overlay) if "nodeSelector" in pod.spec}
    assert chosen == {"serving", "system", "batch"}
    assert chosen <= set(settings["node_groups"])


@needs_terraform
def test_secrets_are_those_that_terraform_makes() -> None:
    taken = set(re.findall(r"hidden-gems/production/(\w+)", text_of("production")))
    made = "".join(path.read_text() for path in (ROOT / "terraform" / "modules").rglob("*.tf"))
    assert taken == {"keys", "callers", "redis", "feast", "mlflow", "pagerduty"}
    assert [name for name in taken if not re.search(rf'^ +{name} += "|/{name}"', made, re.MULTILINE)] == []

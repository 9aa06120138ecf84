"""The manifests name what processes read and serve: variables, ports, probes, commands; and what the rollout owns."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import ValidationError

from hidden_gems.cli.__main__ import app
from hidden_gems.cli.ports import PORTS, TRITON_METRICS
from hidden_gems.cli.stack import API_KEYS, READY
from hidden_gems.core.kv import MemoryKeyValue
from hidden_gems.core.metrics import METRICS
from hidden_gems.events.topics import TOPICS
from hidden_gems.steps.rollout import RELEASE, ROUTE, SERVING, Track, serve, split
from hidden_gems.steps.spark_application import SparkApplication
from hidden_gems.steps.train_job import TrainJob
from hidden_gems.streaming.broker import MemoryBroker
from inference.archiver.settings import ArchiverSettings
from inference.collector.secrets import TOKEN_VARIABLE
from inference.collector.service import make_app
from inference.collector.settings import CollectorSettings
from inference.learner.settings import LearnerSettings
from inference.ranker.settings import RankerSettings
from inference.shell.guard import KSERVE_PATHS
from inference.shell.settings import Settings
from inference.transformer.settings import TransformerSettings
from tests.infra.rendered import OVERLAYS, ROOT, Object, Pod, key, needs_kubectl, objects, of_kind, pods

pytestmark = needs_kubectl
overlays = pytest.mark.parametrize("overlay", OVERLAYS)
SETTINGS: dict[str, type[Settings]] = {
    "ranker": RankerSettings,
    "transformer": TransformerSettings,
    "collector": CollectorSettings,
    "learner": LearnerSettings,
    "archiver": ArchiverSettings,
}
KEPT = {"GEMS_PSEUDONYM_KEY", TOKEN_VARIABLE, API_KEYS}
"""Read by `core.ids.secret`, so that no settings object holds them."""
TOLD = {"GEMS_HOME", "GEMS_KAFKA_IAM", "GEMS_FEAST_REGISTRY"} | {
    f"GEMS_REDIS_{name}" for name in ("TLS", "USERNAME", "PASSWORD")
}
"""What commands are told by variables alone."""


def process(pod: Pod) -> str:
    """Name of the process of ours in a pod, empty where it is another's."""
    command = pod.container.get("command", [])
    return command[2].removeprefix("inference.") if command[:2] == ["python", "-m"] else ""


def servers(overlay: str) -> list[tuple[str, Pod]]:
    return [(process(pod), pod) for pod in pods(overlay) if process(pod)]


def fields(kind: type[Settings]) -> set[str]:
    return {f"GEMS_{name.upper()}" for name in kind.model_fields}


@overlays
def test_every_process_is_one_of_ours(overlay: str) -> None:
    found = servers(overlay)
    assert {name for name, _ in found} == set(SETTINGS)
    assert all(import_module(f"inference.{name}.__main__").main for name in SETTINGS)


@overlays
def test_every_variable_is_a_setting_of_its_process(overlay: str) -> None:
    for name, pod in servers(overlay):
        given = {variable for variable in pod.environment if variable.startswith("GEMS_")}
        assert given - fields(SETTINGS[name]) - KEPT == set(), pod.owner


@overlays
def test_the_settings_take_the_values(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, pod in servers(overlay):
        with monkeypatch.context() as patch:
            for variable, entry in pod.environment.items():
                patch.setenv(variable, str(entry.get("value", "given")))
            settings: Any = SETTINGS[name]()
        assert settings.host == "0.0.0.0"
        assert pod.ports.get("http", pod.ports.get("metrics")) == settings.port
        if "grpc" in pod.ports:
            assert pod.ports["grpc"] == settings.grpc_port
        mounted = {mount["mountPath"] for mount in pod.container["volumeMounts"]}
        assert str(settings.home) in mounted, "the home is the one place that may be written"


def test_a_wrong_value_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMS_PORT", "eighty")
    with pytest.raises(ValidationError):
        RankerSettings()


@overlays
def test_triton_has_the_ports_and_paths_it_has_everywhere(overlay: str) -> None:
    tritons = [pod for pod in pods(overlay) if "tritonserver" in pod.container["image"]]
    assert len(tritons) == 2
    for pod in tritons:
        http, grpc = PORTS["deep"]
        assert pod.ports == {"http": http, "grpc": grpc, "metrics": TRITON_METRICS}
        line = pod.container["args"][0]
        assert re.findall(r"--(\w+)-port=(\d+)", line) == [
            ("http", str(http)), ("grpc", str(grpc)), ("metrics", str(TRITON_METRICS)),
        ]  # fmt: skip
        paths = {pod.container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")}
        assert paths == {"/v2/health/ready", "/v2/health/live"}


def probes(pod: Pod) -> Iterator[str]:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        get = pod.container[probe]["httpGet"]
        assert get["port"] in pod.ports, pod.owner
        yield get["path"]


@overlays
def test_probes_ask_paths_that_are_served(overlay: str, tmp_path: Path) -> None:
    settings = CollectorSettings(home=tmp_path, api_keys="admin:key")  # type: ignore[arg-type]
    collector = make_app(MemoryBroker().producer(), MemoryKeyValue(), settings, broker_answers=lambda: True)
    served = {getattr(route, "path", "") for route in collector.routes}
    for name, pod in servers(overlay):
        for path in probes(pod):
            if name == "collector":
                assert path in served
            elif name in ("ranker", "transformer"):
                assert re.fullmatch(KSERVE_PATHS, path)
            else:
                assert path == "/metrics"
        assert pod.container["readinessProbe"]["httpGet"]["path"] == READY[name]


@overlays
def test_a_transformer_asks_the_servers_of_its_own_set(overlay: str) -> None:
    names = {each["metadata"]["name"] for each in of_kind(overlay, "InferenceService")}
    assert names == {"deep-stable", "deep-canary", "hidden-gems-stable", "hidden-gems-canary"}
    for track in ("stable", "canary"):
        [transformer] = [p for p in pods(overlay) if p.owner.endswith(f"hidden-gems-{track}/transformer")]
        host = f"predictor.{SERVING}.svc.cluster.local"
        assert transformer.environment["GEMS_DEEP"]["value"] == f"deep-{track}-{host}:{PORTS['deep'][1]}"
        assert transformer.environment["GEMS_RANKER"]["value"] == f"hidden-gems-{track}-{host}:{PORTS['ranker'][1]}"


def commands() -> dict[tuple[str, ...], Any]:
    """Every command of `gems` by its words."""

    def walk(group: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for name, command in getattr(group, "commands", {}).items():
            yield (*words, name), command
            yield from walk(command, (*words, name))

    return dict(walk(typer.main.get_command(app), ()))


@overlays
def test_every_command_of_gems_takes_what_it_is_given(overlay: str) -> None:
    known = commands()
    ours = [pod for pod in pods(overlay) if pod.container.get("command", [""])[0] == "gems"]
    used = {tuple(pod.container["command"][1:3]): pod for pod in ours}
    assert set(used) == {("stream", "topics"), ("features", "materialize")}
    for words, pod in used.items():
        parameters = known[words].params
        given = {word for word in pod.container["command"][3:] if word.startswith("--")}
        assert given <= {option for parameter in parameters for option in parameter.opts}
        read = {parameter.envvar for parameter in parameters} | TOLD
        assert {variable for variable in pod.environment if variable.startswith("GEMS_")} <= read
        for variable in ("GEMS_KAFKA_IAM", "GEMS_REDIS_TLS"):
            assert pod.environment.get(variable, {"value": "true"})["value"] in ("true", "false")


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of what an object says; a list is one thing, as for the API where it has no keys."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path


@pytest.mark.parametrize("percent", [0, 5, 50, 100])
@pytest.mark.parametrize("track", ["stable", "canary"])
@overlays
def test_applying_again_leaves_alone_what_is_the_rollouts(overlay: str, track: Track, percent: int) -> None:
    rendered = {key(each): each for each in objects(overlay)}
    for ours in (split(percent), *serve(track, "s3://models/istanbul/1")):
        theirs = rendered[key(ours)]
        assert ours["apiVersion"] == theirs["apiVersion"]
        own, applied = set(leaves(ours["spec"])), set(leaves(theirs["spec"]))
        held = {path[:length] for path in own for length in range(1, len(path) + 1)}
        assert own.isdisjoint(applied)
        assert applied.isdisjoint(held), "the overlay says something where the rollout has its own"


@overlays
def test_the_release_that_the_rollout_writes_is_the_one_that_is_read(overlay: str) -> None:
    told = {pod.owner for _, pod in servers(overlay) if "GEMS_RELEASE" in pod.environment}
    assert told == {
        "gems-serving/InferenceService/hidden-gems-stable/predictor",
        "gems-serving/InferenceService/hidden-gems-stable/transformer",
        "gems-serving/InferenceService/hidden-gems-canary/predictor",
        "gems-serving/InferenceService/hidden-gems-canary/transformer",
        "gems-streaming/Deployment/collector",
        "gems-streaming/Deployment/learner",
    }
    for _, pod in servers(overlay):
        if "GEMS_RELEASE" in pod.environment:
            path = pod.environment["GEMS_RELEASE"]["valueFrom"]["fieldRef"]["fieldPath"]
            assert path == f"metadata.annotations['{RELEASE}']"


@overlays
def test_the_split_names_services_of_kserve(overlay: str) -> None:
    sides = {each["name"] for rule in split(5)["spec"]["rules"] for each in rule["backendRefs"]}
    services = {
        f"{each['metadata']['name']}-transformer"
        for each in of_kind(overlay, "InferenceService")
        if "transformer" in each["spec"]
    }
    assert sides == services
    [route] = [each for each in of_kind(overlay, "HTTPRoute") if each["metadata"]["name"] == ROUTE]
    assert "rules" not in route["spec"]


@overlays
def test_autoscalers_ask_for_metrics_of_ours(overlay: str) -> None:
    [scaled] = of_kind(overlay, "ScaledObject")
    queries = [each["metadata"]["query"] for each in scaled["spec"]["triggers"] if each["type"] == "prometheus"]
    assert [re.findall(r"gems_\w+", query) for query in queries] == [["gems_collector_waiting_events"]]
    assert "gems_collector_waiting_events" in METRICS
    assert (
        "replicas"
        not in next(d for d in of_kind(overlay, "Deployment") if d["metadata"]["name"] == "collector")["spec"]
    )


def anchors(text: str) -> set[str]:
    """Anchors of the headings of a Markdown text that are one word."""
    return {found.lower() for found in re.findall(r"^#+ (\w+)$", text, re.MULTILINE)}


@overlays
def test_every_alert_has_a_runbook(overlay: str) -> None:
    rules = [
        rule
        for each in of_kind(overlay, "PrometheusRule")
        for group in each["spec"]["groups"]
        for rule in group["rules"]
    ]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    assert len(alerts) == 23
    assert {alert.lower() for alert in alerts} - anchors((ROOT / "docs" / "operations.md").read_text()) == set()


@overlays
def test_boards_are_found_by_grafana(overlay: str) -> None:
    boards = [each for each in of_kind(overlay, "ConfigMap") if each["metadata"]["namespace"] == "monitoring"]
    assert {each["metadata"]["name"] for each in boards} == {"board-feedback", "board-serving"}
    for board in boards:
        [(name, text)] = board["data"].items()
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert text == (ROOT / "hidden_gems" / "monitoring" / "dashboards" / name).read_text()


def test_the_topics_that_the_job_makes_are_all_there_are() -> None:
    """The job takes its names from the code; what it is told are numbers alone."""
    for overlay in OVERLAYS:
        [job] = [pod for pod in pods(overlay) if pod.owner.endswith("/kafka-topics")]
        told: list[str] = job.container["command"]
        assert not set(TOPICS) & set(told)
        partitions, replicas = told[told.index("--partitions") + 1], told[told.index("--replicas") + 1]
        assert (partitions, replicas) == (("3", "1") if overlay == "local" else ("12", "3"))


def test_leaves_are_paths_to_what_is_said() -> None:
    said: Object = {"a": {"b": [1, {"c": 2}], "d": {}}, "e": None}
    assert set(leaves(said)) == {("a", "b"), ("a", "d"), ("e",)}


@overlays
def test_a_sparkapplication_finds_what_it_names_and_fits_into_its_namespace(overlay: str) -> None:
    spec = SparkApplication("gems-training", "hidden-gems/scale:1").manifest()["spec"]
    there = {key(each): each for each in objects(overlay)}
    tokens = {}
    for pod in (spec["driver"], spec["executor"]):
        account = there[f"gems-training/ServiceAccount/{pod['serviceAccount']}"]
        tokens[pod["serviceAccount"]] = account.get("automountServiceAccountToken", True)
        assert f"/PriorityClass/{pod['priorityClassName']}" in there
        for variable in pod["env"]:
            if reference := variable.get("valueFrom", {}).get("configMapKeyRef"):
                assert reference["key"] in there[f"gems-training/ConfigMap/{reference['name']}"]["data"]
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                secret = there[f"gems-training/ExternalSecret/{reference['name']}"]["spec"]
                assert reference["key"] in {each["secretKey"] for each in secret["data"]}
    assert tokens == {"preparer": True, "trainer": False}
    most = there["gems-training/LimitRange/containers"]["spec"]["limits"][0]["max"]
    driver, executor = spec["driver"], spec["executor"]
    gigabytes = [
        int(driver["memory"][:-1]) + int(driver["memoryOverhead"][:-1]),
        int(executor["memory"][:-1]) * (1 + float(spec["memoryOverheadFactor"])),
    ]
    assert max(gigabytes) <= int(most["memory"].removesuffix("Gi"))
    assert max(driver["cores"], executor["cores"]) <= int(most["cpu"])


@overlays
def test_steps_may_make_what_they_make_and_a_driver_has_pods_alone(overlay: str) -> None:
    roles = {each["metadata"]["name"]: each["rules"] for each in of_kind(overlay, "Role")}
    for job in (TrainJob, SparkApplication):
        group, _, plural = job.api
        [rule] = [each for each in roles["pipeline-runner"] if each["apiGroups"] == [group]]
        assert rule["resources"] == [plural]
        assert {"create", "get", "delete"} <= set(rule["verbs"])
    assert [(rule["apiGroups"], rule["resources"]) for rule in roles["preparer"]] == [([""], ["pods"])]

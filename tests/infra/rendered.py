"""The manifests as kubectl renders them, and the pods in them."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
APPS = ROOT / "manifests" / "apps"
OVERLAYS = ("local", "staging", "production")
KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl, which renders the manifests, is not installed")
Object = dict[str, Any]
_KSERVE_PARTS = ("predictor", "transformer")


def render(folder: Path) -> str:
    """What `kubectl kustomize` makes of a folder."""
    command = [str(KUBECTL), "kustomize", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@cache
def text_of(overlay: str) -> str:
    """What an overlay renders to, once."""
    return render(APPS / overlay)


@cache
def objects(overlay: str) -> list[Object]:
    """Everything of an overlay."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [each for each in yaml.load_all(text_of(overlay), Loader=loader) if each]


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    """Objects of some kinds."""
    return [each for each in objects(overlay) if each["kind"] in kinds]


def key(each: Object) -> str:
    """Namespace, kind and name."""
    return f"{each['metadata'].get('namespace', '')}/{each['kind']}/{each['metadata']['name']}"


@dataclass(frozen=True)
class Pod:
    """A pod that an object makes."""

    owner: str  # namespace, kind, name and, in KServe, the part
    namespace: str
    labels: dict[str, str]
    spec: Object  # of the pod, with `containers`

    @property
    def container(self) -> Object:
        """The one that does the work."""
        return self.spec["containers"][0]

    @property
    def environment(self) -> dict[str, Object]:
        """Variables by name."""
        return {each["name"]: each for each in self.container.get("env", ())}

    @property
    def ports(self) -> dict[str, int]:
        """Ports by name."""
        return {each["name"]: each["containerPort"] for each in self.container.get("ports", ())}


def pods(overlay: str) -> list[Pod]:
    """All pods of an overlay."""
    return [pod for each in objects(overlay) for pod in _pods(overlay, each)]


def _pods(overlay: str, each: Object) -> Iterator[Pod]:
    namespace, spec = each["metadata"].get("namespace", ""), each.get("spec", {})
    if each["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if each["kind"] in ("Deployment", "Job", "CronJob"):
        template = spec["template"]
        yield Pod(key(each), namespace, template["metadata"].get("labels", {}), template["spec"])
    if each["kind"] == "InferenceService":
        for part in _KSERVE_PARTS:
            if part in spec:
                name = each["metadata"]["name"]
                labels = {
                    **each["metadata"].get("labels", {}), **spec[part].get("labels", {}),
                    "serving.kserve.io/inferenceservice": name, "component": part,
                }  # fmt: skip
                yield Pod(f"{key(each)}/{part}", namespace, labels, _with_runtime(overlay, spec[part]))


def _with_runtime(overlay: str, part: Object) -> Object:
    """A predictor with the containers of the runtime it names."""
    if "model" not in part:
        return part
    [runtime] = [r for r in of_kind(overlay, "ServingRuntime") if r["metadata"]["name"] == part["model"]["runtime"]]
    return {**part, "containers": runtime["spec"]["containers"], "volumes": runtime["spec"]["volumes"]}


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a selector of labels takes these."""
    assert set(selector) <= {"matchLabels"}, "only matchLabels are used in the manifests"
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())

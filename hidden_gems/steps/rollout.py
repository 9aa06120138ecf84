"""What a rollout changes on the cluster: whom the canary answers, and from which release each set of servers answers.

Each object holds only the fields that are the rollout's; it is applied on the server's side under `FIELD_MANAGER`. The
manifests leave these fields out, so that applying them again in the middle of a canary changes nothing (ADR-0083).
Send them as JSON: readers of YAML disagree whether the bucket 08 is a number.
"""

from collections.abc import Iterable
from typing import Any, Literal

from hidden_gems.core.errors import BadInputError, PartUnavailableError, ReleaseError
from hidden_gems.export import depot

FIELD_MANAGER = "hidden-gems-rollout"
Track = Literal["stable", "canary"]
SERVING, STREAMING = "gems-serving", "gems-streaming"
ROUTE = "hidden-gems"
BUCKETS = tuple(f"{number:02d}" for number in range(100))
"""Values of the header `x-gems-bucket`: a salted hash of the person."""
RELEASE = "hidden-gems/release"
"""Annotation of a pod; the process in it reads it as GEMS_RELEASE."""
_PATH = {"type": "PathPrefix", "value": "/v1/models"}
_PORT = 80
_MOST_MATCHES = 64
"""Of one rule (Gateway API); all rules together may have 128."""


def split(canary_percent: int) -> dict[str, Any]:
    """The route's rules for a share of the people, 0 to 100.

    A person's bucket stands in a header, and every bucket is listed on one side, so a person stays where they are; a
    larger share takes buckets from stable and gives none back. The weights serve callers without the header. Testers
    name their side themselves.

    Raises:
        BadInputError: If it is no whole number from 0 to 100.

    Examples:
        >>> [len(rule["matches"]) for rule in split(5)["spec"]["rules"]]
        [1, 5, 64, 31, 1]
        >>> [(each["name"], each["weight"]) for each in split(5)["spec"]["rules"][-1]["backendRefs"]]
        [('hidden-gems-stable-transformer', 95), ('hidden-gems-canary-transformer', 5)]
    """
    if isinstance(canary_percent, bool) or not isinstance(canary_percent, int) or not 0 <= canary_percent <= 100:
        raise BadInputError(f"the canary's share must be a whole number from 0 to 100, got {canary_percent!r}")
    rules = [
        _rule([_header("x-gems-release", "canary")], canary=100),
        *_buckets(BUCKETS[:canary_percent], canary=100),
        *_buckets(BUCKETS[canary_percent:], canary=0),
        _rule([{"path": _PATH}], canary_percent),
    ]
    return _object("gateway.networking.k8s.io/v1", "HTTPRoute", SERVING, ROUTE, {"rules": rules})


def serve(track: Track, release: str) -> list[dict[str, Any]]:
    """Tell a set of servers which release to answer from; their pods are replaced one after another.

    The learner and the collector follow stable: what is learned belongs to no release, and gems are known by one.

    Args:
        track: Which set.
        release: Address of the release's folder, without a slash at its end.
    """
    pod = {"annotations": {RELEASE: release}}
    kserve = "serving.kserve.io/v1beta1", "InferenceService", SERVING
    objects = [
        _object(*kserve, f"deep-{track}", {"predictor": {"model": {"storageUri": f"{release}/model_repository"}}}),
        _object(*kserve, f"hidden-gems-{track}", {"predictor": pod, "transformer": pod}),
    ]
    if track == "stable":
        objects += [
            _object("apps/v1", "Deployment", STREAMING, name, {"template": {"metadata": pod}})
            for name in ("collector", "learner")
        ]
    return objects


def _buckets(buckets: Iterable[str], canary: int) -> list[dict[str, Any]]:
    matches = [_header("x-gems-bucket", bucket) for bucket in buckets]
    return [_rule(matches[at : at + _MOST_MATCHES], canary) for at in range(0, len(matches), _MOST_MATCHES)]


def _header(name: str, value: str) -> dict[str, Any]:
    return {"path": _PATH, "headers": [{"type": "Exact", "name": name, "value": value}]}


def _rule(matches: list[dict[str, Any]], canary: int) -> dict[str, Any]:
    """Both sides always stand in a rule, with a weight of 0 where they get nothing: an object shows what is split."""
    weights = {"stable": 100 - canary, "canary": canary}
    sides = [
        {"name": f"hidden-gems-{track}-transformer", "port": _PORT, "weight": weight}
        for track, weight in weights.items()
    ]
    return {"matches": matches, "backendRefs": sides, "timeouts": {"request": "2s"}}


def _object(version: str, kind: str, namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


class Cluster:
    """Applies the rollout's objects.

    Args:
        client: `kubernetes.client.ApiClient`; by default that of the pod this runs in, or of the kubeconfig.

    Raises:
        BadInputError: If there is neither.
    """

    def __init__(self, client: Any = None) -> None:
        from kubernetes import client as api
        from kubernetes import config

        if client is None:
            try:
                config.load_config()
            except config.ConfigException as error:
                raise BadInputError(f"there is no cluster to reach: {error}") from error
        self._client = client or api.ApiClient()

    def apply(self, found: dict[str, Any]) -> None:
        """Apply an object on the server's side as `FIELD_MANAGER`; fields of others stay theirs.

        Raises:
            BadInputError: If the cluster refuses it, as where another one manages one of its fields.
            PartUnavailableError: If the cluster does not answer.
        """
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        group, _, version = found["apiVersion"].partition("/")
        about, plural = found["metadata"], f"{found['kind'].lower()}s"
        path = f"/apis/{group}/{version}/namespaces/{about['namespace']}/{plural}/{about['name']}"
        try:
            self._client.call_api(
                path,
                "PATCH",
                query_params=[("fieldManager", FIELD_MANAGER)],
                header_params={"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"},
                body=found,
                auth_settings=["BearerToken"],
                _request_timeout=30,
            )
        except ApiException as error:
            if error.status >= 500:
                raise PartUnavailableError("the Kubernetes API", f"{error.status} {error.reason}") from error
            raise BadInputError(f"the cluster refuses {path}: {error.body or error.reason}") from error
        except HTTPError as error:
            raise PartUnavailableError("the Kubernetes API", str(error)) from error


def roll_out(cluster: Cluster, releases: str, version: str, percent: int, without_estimate: bool = False) -> str:
    """One step of a rollout; see `components/release/roll_out`.

    The canary is told its release before anybody is sent to it, and at 100 percent stable gets the release before
    everybody is sent back there, so that no step leaves people with a set of servers that is not to answer them.

    Args:
        cluster: Where it happens.
        releases: Folder of releases, any fsspec address.
        version: Of the release.
        percent: Of the people that the canary answers; 100 makes it stable.
        without_estimate: The release may have no estimate of its own policy; see `gates.canary_refused`.

    Returns:
        What was done.

    Raises:
        BadInputError: If the share is none, or a share is asked for without a release.
        ReleaseError: If the release is not there, or may not become a canary.
    """
    rules = split(percent)
    if not version:
        if percent:
            raise BadInputError(f"which release are {percent} % of the people to get? Name its version")
        cluster.apply(rules)
        return "stable answers everybody"
    if version not in depot.versions(releases):
        raise ReleaseError(f"{releases} has no release {version}; nothing was changed")
    estimated = depot.check_canary(releases, version, without_estimate)
    without = "" if estimated else ", without an estimate of its policy"
    address = f"{releases.rstrip('/')}/{version}"
    for each in serve("canary", address):
        cluster.apply(each)
    if percent < 100:
        depot.name(releases, "canary", version, without_estimate)
        cluster.apply(rules)
        return f"the canary serves {version} and answers {percent} % of the people{without}"
    for each in serve("stable", address):
        cluster.apply(each)
    depot.name(releases, "stable", version)
    cluster.apply(split(0))
    return f"stable serves {version} and answers everybody{without}"

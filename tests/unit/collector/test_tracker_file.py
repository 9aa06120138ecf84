"""The browser tracker as it is served; what it does in a browser is in tests/integration."""

from tests.unit.collector.world import World


def test_it_is_small_and_may_be_kept(world: World) -> None:
    answer = world.client.get("/v1/tracker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert 1_000 < len(answer.content) < 3_000
    kept = world.client.get("/v1/tracker.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (kept.status_code, kept.content) == (304, b"")
    assert world.client.get("/v1/tracker.js", headers={"If-None-Match": '"old"'}).status_code == 200

from tests.unit.collector.world import World, event


def test_accepted_events_are_counted_by_type(world: World) -> None:
    save = event(event_id="e2", event_type="favourite")
    world.taken([event(), save, save, event(event_id="e3", event_type="no such type")])
    counted = {kind: world.metric("gems_collector_accepted_total", type=kind) for kind in ("click", "save", "visit")}
    assert counted == {"click": 1.0, "save": 1.0, "visit": 0.0}

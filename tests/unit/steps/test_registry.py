from hidden_gems.steps.registry import CANDIDATE, MODEL, Registered, model_name


def test_what_people_read() -> None:
    assert (MODEL, CANDIDATE) == ("hidden-gems", "candidate")
    assert Registered("r1", "3", CANDIDATE).markdown() == "Model `hidden-gems` version 3 as `candidate`, run `r1`.\n"
    held = "Model `hidden-gems` version 4, without an alias: its gate holds it back, run `r2`.\n"
    assert Registered("r2", "4", "").markdown() == held


def test_names_in_the_registry_have_no_slash_and_no_colon() -> None:
    assert model_name("city") == "hidden-gems-city"
    assert model_name("Ayşe's: data/1") == "hidden-gems-Ayşe's- data-1"

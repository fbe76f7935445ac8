"""Units: one for each target and combination of values, with an identity that lasts."""

from __future__ import annotations

import pytest

from mlperf_home.contracts.fleet.machines import FleetMachine
from mlperf_home.experiments.values import ValuesError
from mlperf_home.fleet.unit_words import FleetCommandError, plain_words, words_on
from mlperf_home.fleet.units import default_name, make_units, with_expected

AMD, BIG, ARM = (
    FleetMachine(name="amd", labels={"class": "big"}),
    FleetMachine(name="intel", labels={"class": "big"}),
    FleetMachine(name="arm"),
)
WORDS = ("run", "script", "--tags=run,mlperf", "--num_threads={{N}}")


def test_each_machine_has_a_unit_for_each_value() -> None:
    units = make_units("f", WORDS, {"N": [1, 2]}, [AMD, ARM], "machine")

    assert [(each.target, each.label, each.words[-1]) for each in units] == [
        ("amd", "N=1", "--num_threads=1"),
        ("arm", "N=1", "--num_threads=1"),
        ("amd", "N=2", "--num_threads=2"),
        ("arm", "N=2", "--num_threads=2"),
    ]
    assert len({each.digest for each in units}) == 4


def test_machines_of_a_class_share_a_unit() -> None:
    units = make_units("f", WORDS[:3], {}, [AMD, BIG, ARM], "class")

    assert [(each.target, each.machines) for each in units] == [
        ("class big", ("amd", "intel")),
        ("arm", ("arm",)),
    ]


def test_the_same_unit_has_the_same_digest() -> None:
    first, second = (make_units("f", WORDS[:3], {}, machines, "machine") for machines in ([AMD], [ARM, AMD]))

    assert first[0].digest == second[1].digest
    assert make_units("g", WORDS[:3], {}, [AMD], "machine")[0].digest != first[0].digest
    assert default_name(WORDS, {"N": [1]}) == default_name(WORDS, {"N": [1]}) != default_name(WORDS, {"N": [2]})


def test_expected_times_are_those_of_the_machine_first() -> None:
    units = make_units("f", WORDS[:3], {}, [AMD, ARM], "machine")

    expected = with_expected(units, {(WORDS[:3], "amd"): 5.0, (WORDS[:3], ""): 7.0})

    assert [each.expected_s for each in expected] == [5.0, 7.0]


def test_a_value_without_a_place_is_an_error() -> None:
    with pytest.raises(ValuesError, match="has no placeholder"):
        make_units("f", WORDS[:3], {"N": [1]}, [AMD], "machine")


def test_only_commands_of_cm_that_measure_are_taken() -> None:
    assert plain_words(["/usr/bin/cm", "run", "script", "--tags=a", "--out=json"]) == ("run", "script", "--tags=a")
    for command in (["ls"], ["cm", "rm", "cache", "-f"], ["cm"], []):
        with pytest.raises(FleetCommandError):
            plain_words(command)
    with pytest.raises(FleetCommandError, match="has --home"):
        plain_words(["cm", "run", "script", "--home=/tmp/x"])


def test_a_machine_with_a_container_runs_in_it() -> None:
    inside = FleetMachine(name="a", container="docker")

    assert words_on(inside, ("run", "script", "--tags=a")) == ("docker", "script", "--tags=a")
    assert words_on(inside, ("run", "challenge", "x")) == ("run", "challenge", "x")
    assert words_on(FleetMachine(name="b", container="podman"), ("run", "script")) == ("podman", "script")

"""A system description has every key that round v3.1 requires, and invents nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from recorded_systems import SYSTEMS, System, dmi

from mlperf_home.machine.facts import MachineFacts, read_machine
from mlperf_home.submission.system.description import (
    SystemDescription,
    SystemDescriptionError,
    UserFacts,
    binary_size,
    decimal_size,
    describe_system,
)
from mlperf_home.submission.system.file import read_overrides

if TYPE_CHECKING:
    from pathlib import Path

# The order of published files, with "?" after keys whose values may be empty.
PUBLISHED = [
    "division",
    "submitter",
    "status",
    "system_type",
    "system_type_detail?",
    "system_name",
    "number_of_nodes",
    "host_processor_model_name",
    "host_processors_per_node",
    "host_processor_core_count",
    "host_processor_frequency?",
    "host_processor_caches?",
    "host_processor_interconnect?",
    "host_memory_capacity",
    "host_memory_configuration",
    "host_storage_capacity",
    "host_storage_type",
    "host_networking",
    "host_network_card_count",
    "host_networking_topology",
    "accelerators_per_node",
    "accelerator_model_name",
    "accelerator_memory_capacity",
    "accelerator_host_interconnect",
    "accelerator_interconnect",
    "accelerator_memory_configuration",
    "accelerator_frequency?",
    "accelerator_interconnect_topology?",
    "accelerator_on-chip_memories?",
    "cooling",
    "framework",
    "operating_system",
    "other_software_stack",
    "hw_notes?",
    "sw_notes?",
]

WHOLE = {
    "ryzen": {
        "system_name": "desk",
        "system_type_detail": "desktop",
        "host_processor_model_name": "AMD Ryzen 9 7950X 16-Core Processor",
        "host_processors_per_node": "1",
        "host_processor_core_count": "16",
        "host_processor_frequency": "5881 MHz",
        "host_processor_caches": "L1d cache: 512 KiB (16 instances), L1i cache: 512 KiB (16 instances), "
        "L2 cache: 16 MiB (16 instances), L3 cache: 64 MiB (2 instances)",
        "host_memory_capacity": "22.9 GiB",
        "host_memory_configuration": "2 x 16 GiB DDR5 DIMM at 4800 MT/s",
        "host_storage_capacity": "1 TB",
        "host_storage_type": "NVMe SSD, HDD",
        "host_networking": "2.5 Gb/s Ethernet, Wi-Fi",
        "host_network_card_count": "2",
        "operating_system": "Ubuntu 22.04.2 LTS, Linux 6.2.0-39-generic",
    },
    "epyc": {
        "system_name": "PowerEdge R7625",
        "system_type_detail": "server",
        "host_processors_per_node": "2",
        "host_processor_core_count": "96",
        "host_processor_interconnect": "",
        "host_memory_configuration": "24 x 64 GiB DDR5 DIMM at 4800 MT/s",
        "host_storage_capacity": "4.2 TB",
        "host_storage_type": "NVMe SSD, 2 x SSD",
        "host_networking": "1 Gb/s Ethernet, Ethernet of unknown speed, 2 x 100 Gb/s Ethernet, 200 Gb/s InfiniBand",
        "host_network_card_count": "3",
    },
    "xeon": {
        "host_processors_per_node": "2",
        "host_processor_core_count": "56",
        "host_memory_configuration": "16 x 32 GiB DDR5 DIMM at 4400 MHz",
        "host_storage_capacity": "3.8 TB",
        "host_storage_type": "2 x NVMe SSD",
        "host_networking": "2 x 10 Gb/s Ethernet",
        "host_network_card_count": "2",
    },
    "cloud-vm": {
        "system_name": "Google Compute Engine",
        "system_type_detail": "virtual machine (KVM)",
        "host_processor_frequency": "",
        "host_memory_configuration": "1 x 16 GiB RAM DIMM",
        "host_storage_capacity": "10.6 GB",
        "host_storage_type": "virtual disk",
        "host_networking": "Ethernet of unknown speed",
    },
    "graviton": {
        "system_name": "c6g.2xlarge",
        "host_processor_model_name": "Neoverse-N1",
        "host_processor_core_count": "8",
        "host_processor_frequency": "",
        "host_processor_caches": "",
        "host_memory_configuration": "undefined",
        "host_storage_capacity": "53.6 GB",
        "host_storage_type": "virtual disk",
    },
    "raspberry-pi": {
        "system_name": "Raspberry Pi 4 Model B Rev 1.2",
        "host_processor_model_name": "Cortex-A72",
        "host_processor_core_count": "4",
        "host_processor_frequency": "1500 MHz",
        "host_storage_capacity": "31.6 GB",
        "host_storage_type": "SD card",
        "host_networking": "1 Gb/s Ethernet, Wi-Fi",
    },
    "container": {
        "system_name": "0123abcd4567",
        "host_processors_per_node": "2",
        "host_processor_core_count": "1",
        "host_processor_caches": "",
        "host_storage_capacity": "512 GB in disks",
        "host_storage_type": "SSD",
        # A container has its own interfaces: the machine's cards are invisible.
        "host_networking": "unknown",
        "host_network_card_count": "unknown",
    },
    "laptop": {
        "system_type_detail": "laptop",
        "host_processor_core_count": "14",
        "host_processor_caches": "L1d cache: 544 KiB (14 instances), L1i cache: 704 KiB (14 instances), "
        "L2 cache: 11.5 MiB (8 instances), L3 cache: 24 MiB",
        "host_memory_configuration": "1 x 8 GiB LPDDR5 Row Of Chips at 5200 MT/s, 1 x 16 GiB DDR5 SODIMM at 4800 MT/s",
        "host_storage_capacity": "509 GB",
        "host_storage_type": "NVMe SSD",
        "host_networking": "Wi-Fi",
        "host_network_card_count": "1",
    },
    "ampere": {
        "system_name": "Mt. Jade",
        "host_processor_model_name": "Neoverse-N1",
        "host_processors_per_node": "1",
        "host_processor_core_count": "80",
        "host_networking": "25 Gb/s Ethernet",
    },
    "apple-vm": {
        "host_processor_model_name": "CPU implementer 0x61, CPU part 0x000",
        "host_processors_per_node": "1",
        "host_processor_core_count": "4",
    },
    "nothing": {
        "system_name": "unknown",
        "system_type_detail": "",
        "host_processor_model_name": "unknown",
        "host_processors_per_node": "unknown",
        "host_processor_core_count": "unknown",
        "host_memory_capacity": "unknown",
        "host_memory_configuration": "undefined",
        "host_storage_capacity": "unknown",
        "host_storage_type": "unknown",
        "host_networking": "unknown",
        "host_network_card_count": "unknown",
        "operating_system": "unknown",
        "other_software_stack": "unknown",
    },
}


def facts_of(system: System, root: Path) -> MachineFacts:
    return read_machine(system.write(root), system.lscpu, system.dmidecode)


def describe(name: str, root: Path, **facts: Any) -> SystemDescription:
    return describe_system(facts_of(SYSTEMS[name], root), UserFacts(**{"submitter": "Example", **facts}))


def reason(description: SystemDescription, key: str) -> str:
    return "\n".join(sentence for sentence in description.unknown if sentence.startswith(f"{key}: "))


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_key_has_a_value_and_unknown_ones_a_reason(name: str, tmp_path: Path) -> None:
    described = describe(name, tmp_path)

    assert list(described.values) == [key.rstrip("?") for key in PUBLISHED]
    for key in PUBLISHED:
        value = described.values[key.rstrip("?")]
        assert isinstance(value, str)
        assert value.strip() or key.endswith("?"), key
    unknown = {key for key, value in described.values.items() if "unknown" in value or value == "undefined"}
    assert unknown <= {sentence.partition(":")[0] for sentence in described.unknown}
    assert json.loads(described.to_json()) == described.values
    assert described.to_json().startswith('{\n "division": "open",\n')
    assert described.to_json().endswith('"\n}\n')


@pytest.mark.parametrize("name", WHOLE)
def test_recorded_machines_are_described(name: str, tmp_path: Path) -> None:
    described = describe(name, tmp_path)

    assert {key: described.values[key] for key in WHOLE[name]} == WHOLE[name]


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("ryzen", "system_name", 'the firmware\'s product name "System Product Name" is a placeholder'),
        ("epyc", "host_processor_interconnect", "no file describes the link of the sockets"),
        ("epyc", "host_networking", "eno2: the kernel does not report its speed"),
        ("cloud-vm", "host_processor_frequency", "the kernel has no cpufreq"),
        ("graviton", "host_processor_caches", "of one cache or of all"),
        ("graviton", "host_memory_configuration", "it needs dmidecode"),
        ("container", "host_network_card_count", "usual in containers"),
        ("container", "host_storage_capacity", "the disks' capacity"),
        ("ampere", "host_processors_per_node", "the firmware numbers no packages"),
        ("apple-vm", "host_processor_model_name", "these are the numbers of the core"),
        ("nothing", "host_memory_capacity", "/proc/meminfo"),
        ("nothing", "framework", "no engine was named"),
        ("nothing", "operating_system", "os-release can be read"),
        ("nothing", "cooling", "nearly all CPUs are cooled by air"),
        ("nothing", "other_software_stack", "no C compiler was found"),
    ],
)
def test_unknown_values_have_reasons(name: str, key: str, message: str, tmp_path: Path) -> None:
    assert message in reason(describe(name, tmp_path), key)


def test_caches_of_hybrid_cores_are_summed_without_lscpu(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for number, size in enumerate(("48K", "48K", "32K")):
        folder = f"sys/devices/system/cpu/cpu{number}/cache/index0"
        values = (("level", "1"), ("type", "Data"), ("size", size), ("shared_cpu_list", str(number)))
        files |= {f"{folder}/{name}": f"{value}\n" for name, value in values}

    described = describe_system(facts_of(System(files=files), tmp_path), UserFacts("Example"))

    assert described.values["host_processor_caches"] == "L1d cache: 128 KiB (3 instances)"


def test_the_fastest_of_hybrid_cores_counts(tmp_path: Path) -> None:
    from recorded_machines import MACHINES

    facts = read_machine(MACHINES["hybrid-arm"].write(tmp_path), MACHINES["hybrid-arm"].lscpu)

    assert describe_system(facts, UserFacts("Example")).values["host_processor_frequency"] == "2803 MHz"


@pytest.mark.parametrize(
    "text",
    [
        *("To be filled by O.E.M.", "To Be Filled By O.E.M.\n", "System Product Name", "Default string", "", " \n"),
        *("xxxxxxxx", "N/A", "Not Specified", "........", b"\xff\xfe\xff", b"\0\0"),
    ],
)
def test_placeholders_are_no_names_of_systems(text: str | bytes, tmp_path: Path) -> None:
    system = System(files={**dmi(text), "proc/sys/kernel/hostname": "desk\n"})

    described = describe_system(facts_of(system, tmp_path), UserFacts("Example"))

    assert described.values["system_name"] == "desk"
    assert "this is the machine's network name" in reason(described, "system_name")


def test_a_name_that_is_not_utf8_stays_readable(tmp_path: Path) -> None:
    described = describe_system(facts_of(System(files=dmi(b"B\xfcro-PC\x00\n2000")), tmp_path), UserFacts("Example"))

    assert described.values["system_name"] == "B?ro-PC 2000"


def test_values_of_the_user_come_first(tmp_path: Path) -> None:
    described = describe(
        "epyc",
        tmp_path,
        division="closed",
        status="rdi",
        system_type="datacenter,edge",
        framework="deepsparse v1.8.0",
        system_type_detail="edge server",
        system_name="Rack 7",
        hw_name="rack7",
        python="3.11.2",
        hw_notes_extra="two fans",
        sw_notes_extra="huge pages",
        overrides={"cooling": "liquid", "sw_notes": "tuned", "host_processor_interconnect": "xGMI"},
    )

    expected = {
        "division": "closed",
        "status": "rdi",
        "system_type": "datacenter,edge",
        "framework": "deepsparse v1.8.0",
        "system_type_detail": "edge server",
        "system_name": "Rack 7",
        "other_software_stack": "Python 3.11.2",
        "hw_notes": "two fans",
        "sw_notes": "tuned; huge pages",
        "cooling": "liquid",
        "host_processor_interconnect": "xGMI",
    }
    assert {key: described.values[key] for key in expected} == expected
    # Values of the user's are known.
    assert not {"cooling", "host_processor_interconnect", "framework"} & {
        sentence.partition(":")[0] for sentence in described.unknown
    }


def test_the_name_in_results_replaces_the_makers(tmp_path: Path) -> None:
    assert describe("epyc", tmp_path, hw_name="rack7").values["system_name"] == "rack7"


def test_the_compiler_is_described_by_its_first_line(tmp_path: Path) -> None:
    facts = read_machine(tmp_path, compiler="gcc (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022\n")

    described = describe_system(facts, UserFacts("Example", python="3.11.2"))

    assert described.values["other_software_stack"] == "Python 3.11.2, gcc (Debian 12.2.0-14) 12.2.0"
    assert not reason(described, "other_software_stack")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"submitter": ""}, '"submitter" is empty'),
        ({"submitter": "A B"}, "without spaces"),
        ({"submitter": "../x"}, "without spaces and slashes"),
        ({"division": "Open"}, 'write one of "open", "closed", "network"'),
        ({"status": "sold"}, 'write one of "available", "preview", "rdi"'),
        ({"system_type": "laptop"}, 'write one of "edge", "datacenter", "datacenter,edge"'),
        ({"hw_notes_extra": "\udcff"}, '"hw_notes" holds bytes that are not UTF-8'),
        ({"overrides": {"submitter": "Other"}}, '"submitter" is "Other", not "Example"; use the same name in both'),
        ({"overrides": {"division": "closed"}}, '"division" is "closed", not "open"'),
        ({"overrides": {"colling": "air"}}, 'unknown key "colling"; the nearest known key is "cooling"'),
    ],
)
def test_an_invalid_value_is_reported_in_one_line(facts: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SystemDescriptionError) as refused:
        describe("nothing", tmp_path, **facts)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("size", "binary", "decimal"),
    [(0, "0 B", "0 B"), (48 << 10, "48 KiB", "49.2 kB"), (999_960_000, "953.6 MiB", "1 GB")],
)
def test_sizes_have_binary_and_decimal_units(size: int, binary: str, decimal: str) -> None:
    assert (binary_size(size), decimal_size(size)) == (binary, decimal)


@pytest.mark.parametrize("value", [40, "40"])
def test_fields_of_the_fields_own_tools_are_taken(tmp_path: Path, value: object) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"host_processor_vcpu_count": value, "filesystem": "ext4"}), encoding="utf-8")
    facts = facts_of(System(files={}), tmp_path / "root")

    values = describe_system(facts, UserFacts("Example", overrides=read_overrides(path))).values

    assert (values["host_processor_vcpu_count"], values["filesystem"]) == ("40", "ext4")
    assert "host_processor_vcpu_count" not in describe_system(facts, UserFacts("Example")).values

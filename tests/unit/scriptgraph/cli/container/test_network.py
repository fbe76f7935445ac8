"""Proxies, certificates and the package index of this machine, as a build and a container need them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from scriptgraph.cli.container.network import network_settings

if TYPE_CHECKING:
    from pathlib import Path

NO_FILES = {"PIP_CONFIG_FILE": "/dev/null", "HOME": "/nonexistent"}


def test_proxies_are_passed_by_name() -> None:
    network = network_settings(
        {"https_proxy": "http://me:word@proxy.lab:8080", "no_proxy": "localhost", **NO_FILES}, None
    )

    assert network.proxies == ("https_proxy", "no_proxy")
    assert not network.local_proxy


@pytest.mark.parametrize("address", ["http://127.0.0.1:3128", "http://me:word@localhost:3128", "localhost:3128"])
def test_a_proxy_on_this_machine_needs_its_network(address: str) -> None:
    assert network_settings({"HTTP_PROXY": address, **NO_FILES}, None).local_proxy


def test_an_index_reaches_uv_and_pip() -> None:
    environ = {"PIP_INDEX_URL": "https://me:word@index.lab/simple", "PIP_EXTRA_INDEX_URL": "https://two.lab/simple"}

    network = network_settings({**environ, **NO_FILES}, None)

    assert network.index["UV_DEFAULT_INDEX"] == network.index["PIP_INDEX_URL"] == "https://me:word@index.lab/simple"
    assert network.index["UV_INDEX"] == network.index["PIP_EXTRA_INDEX_URL"] == "https://two.lab/simple"
    assert not network.unreachable


def test_settings_of_uv_reach_pip_without_names() -> None:
    network = network_settings({"UV_INDEX": "lab=https://index.lab/simple", "UV_INDEX_LAB_USERNAME": "me"}, None)

    assert network.index["PIP_EXTRA_INDEX_URL"] == "https://index.lab/simple"
    assert network.index["UV_INDEX_LAB_USERNAME"] == "me"


def test_places_of_this_machine_are_named() -> None:
    network = network_settings({"PIP_FIND_LINKS": "/srv/wheels https://links.lab/", **NO_FILES}, None)

    assert network.unreachable == ("/srv/wheels",)
    assert network.index["PIP_FIND_LINKS"] == "https://links.lab/"


def test_the_script_of_the_index_is_safe_for_a_shell() -> None:
    address = "https://me:a'b$(touch${IFS}x)@index.lab/simple"
    script = network_settings({"UV_DEFAULT_INDEX": address}, None).index_script()

    ended = subprocess.run(
        ["sh", "-c", f'{script}printf %s "$PIP_INDEX_URL"'], capture_output=True, text=True, check=True
    )

    assert ended.stdout == address


def test_certificates_come_from_the_option_or_the_environment(tmp_path: Path) -> None:
    of_option, of_shell = tmp_path / "option.pem", tmp_path / "shell.pem"
    of_shell.touch()

    assert network_settings({"SSL_CERT_FILE": str(of_shell)}, None).certificates == of_shell
    assert network_settings({"SSL_CERT_FILE": str(of_shell)}, of_option).certificates == of_option
    assert network_settings({"SSL_CERT_FILE": "/nowhere", **NO_FILES}, None).certificates is None

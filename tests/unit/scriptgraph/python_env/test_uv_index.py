"""uv uses pip's package index unless it has its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from scriptgraph.python_env.uv import index_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def environ(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "xdg"), "SSL_CERT_FILE": "/certificates", **more}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def settings(home: Path, **more: str) -> dict[str, str]:
    return dict(index_settings(environ(home, **more), prefix=home / "prefix")[0])


@pytest.fixture(autouse=True)
def no_system_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide this machine's own settings."""
    read_text = Path.read_text

    def guarded(self: Path, *rest: object, **more: object) -> str:
        if str(self).startswith("/etc/"):
            raise FileNotFoundError(str(self))
        return read_text(self, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", guarded)
    monkeypatch.setattr("scriptgraph.python_env.uv._SYSTEM_FILE", Path("/nonexistent/pip.conf"), raising=True)


def test_without_settings_of_pip_uv_gets_none(home: Path) -> None:
    assert index_settings(environ(home), prefix=home) == ({}, ())


def test_the_environment_is_translated(home: Path) -> None:
    env, _ = index_settings(
        environ(
            home,
            PIP_INDEX_URL="https://me:hunter2@mirror.example/simple?key=hunter2",
            PIP_FIND_LINKS="/wheels /more",
            PIP_TRUSTED_HOST="mirror.example",
            PIP_NO_INDEX="0",
        ),
        prefix=home,
    )

    assert env == {
        "UV_DEFAULT_INDEX": "https://me:hunter2@mirror.example/simple?key=hunter2",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INSECURE_HOST": "mirror.example",
    }


def test_all_extra_indexes_are_searched_like_in_pip(home: Path) -> None:
    write(home / ".config/pip/pip.conf", "[global]\nextra-index-url =\n    https://a.example\n    https://b.example\n")

    assert settings(home) == {
        "UV_INDEX": "https://a.example https://b.example",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert "UV_INDEX_STRATEGY" not in settings(home, UV_INDEX_STRATEGY="first-index")


def test_files_override_each_other_in_pips_order(home: Path) -> None:
    def index() -> str:
        return settings(home)["UV_DEFAULT_INDEX"]

    write(home / "xdg/pip/pip.conf", "[global]\nindex-url = https://global.example\n")
    assert index() == "https://global.example"
    write(home / ".pip/pip.conf", "[global]\nindex-url = https://legacy.example\n")
    assert index() == "https://legacy.example"
    write(
        home / ".config/pip/pip.conf", "[install]\nindex-url = https://user.example\n[global]\nindex-url = https://x\n"
    )
    assert index() == "https://user.example"
    write(home / "prefix/pip.conf", "[global]\nindex-url = https://site.example\n")
    assert index() == "https://site.example"
    write(home / "chosen.conf", "[global]\nindex-url = https://chosen.example\n")
    chosen = str(home / "chosen.conf")
    assert settings(home, PIP_CONFIG_FILE=chosen)["UV_DEFAULT_INDEX"] == "https://chosen.example"
    both = settings(home, PIP_CONFIG_FILE=chosen, PIP_INDEX_URL="https://variable.example")
    assert both["UV_DEFAULT_INDEX"] == "https://variable.example"
    assert settings(home, PIP_CONFIG_FILE="/dev/null") == {}


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_FIND_LINKS"])
def test_a_variable_of_uv_overrides_pips_settings(home: Path, name: str) -> None:
    assert settings(home, PIP_INDEX_URL="https://pip.example", **{name: "https://uv.example"}) == {}


def test_a_file_of_uv_overrides_pips_settings(home: Path) -> None:
    write(home / ".config/uv/uv.toml", '[[index]]\nurl = "https://uv.example"\n')
    assert settings(home, PIP_INDEX_URL="https://pip.example") == {}

    write(home / ".config/uv/uv.toml", 'cache-dir = "/cache"\n')
    assert settings(home, PIP_INDEX_URL="https://pip.example") == {"UV_DEFAULT_INDEX": "https://pip.example"}


def test_certificates_are_passed_on(home: Path) -> None:
    write(home / "company.pem", "certificates")
    bare = {key: value for key, value in environ(home).items() if key != "SSL_CERT_FILE"}
    company = str(home / "company.pem")

    assert index_settings({**bare, "PIP_CERT": company}, prefix=home)[0] == {"SSL_CERT_FILE": company}
    assert index_settings({**bare, "REQUESTS_CA_BUNDLE": company}, prefix=home)[0] == {"SSL_CERT_FILE": company}
    assert index_settings({**bare, "UV_INDEX": "x", "CURL_CA_BUNDLE": company}, prefix=home)[0] == {
        "SSL_CERT_FILE": company
    }
    assert index_settings({**bare, "CURL_CA_BUNDLE": "/absent"}, prefix=home)[0] == {}


def test_an_invalid_file_is_skipped(home: Path) -> None:
    write(home / ".config/pip/pip.conf", "index-url = without a section\n")

    assert settings(home) == {}


def test_no_index_becomes_an_argument_of_uv(home: Path) -> None:
    env, arguments = index_settings(environ(home, PIP_NO_INDEX="yes", PIP_FIND_LINKS="/wheels"), prefix=home)

    assert arguments == ("--no-index",)
    assert env == {"UV_FIND_LINKS": "/wheels"}

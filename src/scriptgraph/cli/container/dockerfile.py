"""The Dockerfile of an image: what changes least stands first, so that a change of the source builds one layer anew."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from scriptgraph.cli.container.network import CERTIFICATE_VARIABLES, CERTIFICATES
from scriptgraph.cli.container.settings import HOME
from scriptgraph.immutable import Immutable
from scriptgraph.python_env.environments import wheels_only
from scriptgraph.python_env.ready import FOLDERS_VARIABLE, folder_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_VENV, _ENVIRONMENTS = "/opt/venv", "/opt/environments"
# A user who is nobody on most machines; `run` sets the caller's number.
_USER = 10001
_MISSING = r"""missing="";
command -v git >/dev/null || missing="$missing git";
command -v python3 >/dev/null || missing="$missing python3";
python3 -c "import ensurepip, venv" 2>/dev/null || missing="$missing python3-venv";
[ -s /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates";
"""
_COMPILER = """command -v g++ >/dev/null || missing="$missing g++ python3-dev";
"""
_INSTALL = r"""[ -z "$missing" ] || { apt-get update && apt-get install -y --no-install-recommends $missing
 && rm -rf /var/lib/apt/lists/*; };
python3 -c "import sys; sys.exit(sys.version_info < (3, 10))"
 || { echo "its Python is too old, we need ""3.10" >&2; exit 1; }
"""
# Engines print this text too; the quotes tell it from the message.


class ImageRecipe(Immutable):
    """What an image is built from.

    Attributes:
        base: the image to build on.
        wheel: the name of the product's own wheel in the context.
        environments: the text of each lock file whose environment becomes a layer, by its name.
        labels: the image's labels.
        compiler: whether packages are compiled, as on Arm.
        certificates: whether the context has certificates.pem.
        wheels: whether the context has the folder wheels, which replaces the package index.
        index: whether the build has the secret "index".
    """

    base: str
    wheel: str
    environments: Mapping[str, str]
    labels: Mapping[str, str]
    compiler: bool = False
    certificates: bool = False
    wheels: bool = False
    index: bool = False


def dockerfile(recipe: ImageRecipe) -> str:
    """Return the text of the Dockerfile."""
    return "\n".join((*_build_stage(recipe), "", *_final_stage(recipe), ""))


def _build_stage(recipe: ImageRecipe) -> list[str]:
    missing = _MISSING + (_COMPILER if recipe.compiler else "") + _INSTALL
    lines = [
        f"FROM {recipe.base} AS programs",
        f"RUN {_one_line(missing)}",
        "",
        "FROM programs AS build",
        "ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore UV_NO_CACHE=1",
    ]
    if recipe.certificates:
        lines.append(f"COPY certificates.pem {CERTIFICATES}")
        lines.append("ENV " + " ".join(f"{name}={CERTIFICATES}" for name in CERTIFICATE_VARIABLES))
    offline = "--no-index --find-links /build/wheels " if recipe.wheels else ""
    if recipe.wheels:
        lines.append("COPY wheels /build/wheels")
    secret, read = "", ""
    if recipe.index:  # read in one step, so that it is in no layer
        secret, read = "--mount=type=secret,id=index ", ". /run/secrets/index && "
    lines.append("COPY requirements.txt /build/requirements.txt")
    pip = f"{_VENV}/bin/pip install {offline}--require-hashes --only-binary :all: -r /build/requirements.txt"
    lines.append(f"RUN {secret}{read}python3 -m venv {_VENV} && {pip}")
    for name, lock in recipe.environments.items():
        folder, file = _folder(name, lock), f"/build/{name}.txt"
        install = f"pip install {offline}--require-hashes --python {folder}/bin/python -r {file} "
        install += shlex.join(wheels_only(lock))
        uv = f"{_VENV}/bin/uv --no-progress"
        lines.append(f"COPY {name}.txt {file}")
        lines.append(f'RUN {secret}{read}{uv} venv --python "$(command -v python3)" {folder} && {uv} {install}')
    return lines


def _final_stage(recipe: ImageRecipe) -> list[str]:
    lines = ["FROM programs", f"COPY --from=build {_VENV} {_VENV}"]
    for name, lock in recipe.environments.items():
        lines.append(f"COPY --from=build {_folder(name, lock)} {_folder(name, lock)}")
    user = f"cm:x:{_USER}:{_USER}::{HOME}:/bin/sh"
    pip = f"{_VENV}/bin/pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore"
    lines += [
        f"RUN mkdir -p {HOME} && chmod 777 {HOME} && echo {user} >> /etc/passwd",
        f"ENV HOME={HOME} CM_REPOS={HOME}/CM PATH={_VENV}/bin:$PATH {FOLDERS_VARIABLE}={_ENVIRONMENTS}",
        f"COPY {recipe.wheel} /opt/source/",
        f"RUN {pip} --no-index --no-deps /opt/source/{recipe.wheel}",
        *(f"LABEL {name}={json.dumps(value)}" for name, value in recipe.labels.items()),
        f"USER {_USER}:{_USER}",
        f"WORKDIR {HOME}",
    ]
    return lines


def _folder(name: str, lock: str) -> str:
    return f"{_ENVIRONMENTS}/{folder_name(name, lock)}"


def _one_line(script: str) -> str:
    return " ".join(script.split("\n")).strip()

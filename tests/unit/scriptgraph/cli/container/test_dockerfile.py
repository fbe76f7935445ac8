"""The Dockerfile: what changes least comes first, and nothing secret stays."""

from __future__ import annotations

from scriptgraph.cli.container.dockerfile import ImageRecipe, dockerfile

LOCK = """# compiled where there is no wheel: beta
alpha==1.0 \\
    --hash=sha256:00
beta==2.0 \\
    --hash=sha256:11
"""
RECIPE = ImageRecipe("python:3.11", "own-1.0-py3-none-any.whl", {"fast": LOCK}, {"org.x": 'a "word"'})


def position(text: str, part: str) -> int:
    assert part in text, text
    return text.index(part)


def test_the_source_is_the_last_layer() -> None:
    text = dockerfile(RECIPE)

    order = ("requirements.txt", "fast.txt", "COPY own-1.0", "\nUSER")
    assert [position(text, part) for part in order] == sorted(position(text, part) for part in order)
    assert text.count("\nFROM programs") == 2


def test_requirements_are_checked_by_hash() -> None:
    text = dockerfile(RECIPE)

    assert text.count("--require-hashes") == 2
    assert "--only-binary alpha" in text
    assert "--only-binary beta" not in text


def test_the_image_has_a_user_without_rights() -> None:
    assert "\nUSER 10001:10001\n" in dockerfile(RECIPE)


def test_labels_are_quoted() -> None:
    assert 'LABEL org.x="a \\"word\\""' in dockerfile(RECIPE)


def test_the_index_is_a_secret_of_one_step() -> None:
    text = dockerfile(RECIPE.replaced(index=True))

    reading = [line for line in text.splitlines() if "/run/secrets/index" in line]
    assert len(reading) == 2
    assert all(line.startswith("RUN --mount=type=secret,id=index ") for line in reading)
    assert "secret" not in dockerfile(RECIPE)


def test_wheels_replace_the_index_in_the_first_stage_alone() -> None:
    text = dockerfile(RECIPE.replaced(wheels=True))

    first, final = text.rsplit("\nFROM", 1)
    assert first.count("--no-index --find-links /build/wheels") == 2
    assert "wheels" not in final


def test_certificates_are_trusted_while_building() -> None:
    text = dockerfile(RECIPE.replaced(certificates=True))

    assert position(text, "SSL_CERT_FILE=/opt/certificates.pem") < position(text, "requirements.txt")


def test_a_compiler_comes_only_where_it_is_needed() -> None:
    assert "g++" not in dockerfile(RECIPE)
    assert "g++" in dockerfile(RECIPE.replaced(compiler=True))

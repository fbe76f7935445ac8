"""Write the JSON Schema of every document: `python -m mlperf_home.contracts`."""

from __future__ import annotations

import json

from mlperf_home.contracts.codec import schema_of
from mlperf_home.contracts.documents import DOCUMENTS, schema_path


def schema_text(name: str) -> str:
    """Return the JSON Schema of a document as text."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema_of(DOCUMENTS[name])}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write every schema to its published path."""
    for name in DOCUMENTS:
        schema_path(name).write_text(schema_text(name), encoding="utf-8")
        print(f"{schema_path(name)}: written")


if __name__ == "__main__":
    main()

"""Draw a picture: python -m mlperf_home.pictures --picture F.json --out DIR."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_home.contracts.codec import print_line
from mlperf_home.contracts.runs.progress import print_failure
from mlperf_home.contracts.studies.picture import PictureDrawn
from mlperf_home.pictures.drawing import draw, write_page
from mlperf_home.pictures.picture import PictureError, read_picture, to_json, with_fronts
from scriptgraph.files.atomic import replace_text

if TYPE_CHECKING:
    from mlperf_home.contracts.studies.picture import Picture

FILES = tuple(f"pareto.{ending}" for ending in ("svg", "png", "html", "csv", "json"))


def main() -> int:
    """Write the files of FILES; print an error as one line. Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        picture = with_fronts(read_picture(arguments.picture))
        _write(picture, arguments.out)
    except PictureError as error:
        print_failure(error)
        return 1
    except OSError as error:
        place = error.filename or arguments.out
        print_failure(f"{place}: cannot be written ({error.strerror}); use another --out_dir")
        return 1
    fronts = sum(mark.on_front for mark in picture.marks)
    print_line(PictureDrawn(marks=len(picture.marks), front=fronts))
    return 0


def _write(picture: Picture, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    svg, png = out / ".pareto.svg.partial", out / ".pareto.png.partial"
    try:
        draw(picture, svg, png)
        svg.replace(out / "pareto.svg")
        png.replace(out / "pareto.png")
    finally:
        svg.unlink(missing_ok=True)
        png.unlink(missing_ok=True)
    replace_text(out / "pareto.html", write_page(picture))
    replace_text(out / "pareto.json", to_json(picture))
    # Each fact has a column of the table.
    facts = sorted({name for mark in picture.marks for name in mark.facts})
    columns = [f"{axis.name}{end}" for axis in (picture.x, picture.y) for end in ("", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "system", "imported", "sample", "front", "on_front", "judged", *columns, *facts])
    for mark in picture.marks:
        imported, sample, on_front = ("yes" if each else "no" for each in (mark.imported, mark.sample, mark.on_front))
        own = [mark.name, mark.system, imported, sample, mark.front, on_front, mark.judged]
        numbers = [mark.x, *(mark.x_interval or ("", "")), mark.y, *(mark.y_interval or ("", ""))]
        writer.writerow([*own, *numbers, *(mark.facts.get(name, "") for name in facts)])
    replace_text(out / "pareto.csv", text.getvalue())


if __name__ == "__main__":
    sys.exit(main())

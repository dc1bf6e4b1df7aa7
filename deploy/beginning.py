"""`birdhouse init`: writes a project that begins with a sample of events, where none of its files is there yet."""

from __future__ import annotations

import tempfile
from pathlib import Path

from deploy.check import read_project
from deploy.errors import InitError
from schemas.inference.project_files import Begun, begin_project, data_source_name
from schemas.inference.sample import SampleError, read_sample
from schemas.project import EXAMPLE_PROJECT, project_files

# What a project begins with where nobody has a sample: events of web and mobile applications.
_OUR_SAMPLE = EXAMPLE_PROJECT / "fixtures" / "events.ndjson"


def begin(folder: Path, sample: Path | None) -> Begun:
    """Write the project into a folder, which need not be there. Raises `InitError`; nothing is written then."""
    path = _OUR_SAMPLE if sample is None else sample
    name = data_source_name(path.name.partition(".")[0])
    try:
        with path.open("rb") as lines:
            read = read_sample(lines)
    except SampleError as error:
        raise InitError(f"{path}:{error.line}: {error}", error.hint) from None
    except OSError as error:
        raise InitError(f"`{path}` cannot be read: {error.strerror}") from None
    begun = begin_project(name, read, "our own sample" if sample is None else path.name)
    if not begun.inferred.columns:
        raise InitError(f"the events of {path} hold no value", "a data source needs a column")
    _expect_room(folder, begun)
    _expect_right(begun)
    try:
        _write(folder, begun)
    except OSError as error:
        raise InitError(f"`{error.filename}` cannot be written: {error.strerror}") from None
    return begun


def _expect_room(folder: Path, begun: Begun) -> None:
    """Nothing that is there is written over, and no name is taken twice."""
    if folder.exists() and not folder.is_dir():
        raise InitError(f"`{folder}` is no folder")
    in_the_way = [file for file in begun.files if (folder / file).exists()]
    names = {begun.data_source, begun.pipe}
    in_the_way += [found.relative_to(folder).as_posix() for found in project_files(folder) if found.stem in names]
    if in_the_way:
        hint = "name another FOLDER, or the sample otherwise: the data source is called as the sample's file"
        raise InitError(f"`{folder / in_the_way[0]}` is there already, so nothing was written", hint)


def _expect_right(begun: Begun) -> None:
    """What we write must be a project, whatever the sample holds. Raises `ProjectError`."""
    with tempfile.TemporaryDirectory(prefix="birdhouse-init-") as scratch:
        _write(Path(scratch), begun)
        read_project(Path(scratch), {})


def _write(folder: Path, begun: Begun) -> None:
    for file, text in begun.files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as written:
            written.write(text)

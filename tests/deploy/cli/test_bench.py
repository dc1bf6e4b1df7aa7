"""`birdhouse bench` is of a checkout: elsewhere it says so, and no wheel holds the benchmarks."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deploy.cli import bench
from deploy.errors import NoCheckoutError
from tests.deploy.cli.invoke import Invoke


def test_a_checkout_has_the_benchmarks(invoke: Invoke) -> None:
    result = invoke("bench", "--help")
    assert result.exit_code == 0
    for command in ("ingest", "query", "events"):
        assert f"\n  {command} " in result.output


@pytest.mark.parametrize("is_anothers_there", [False, True])
def test_an_installed_package_says_that_they_need_a_checkout(tmp_path: Path, is_anothers_there: bool) -> None:
    if is_anothers_there:
        (tmp_path / "bench").mkdir()
        (tmp_path / "bench" / "cli.py").write_text("raise AssertionError\n")
    command = bench.bench_command(tmp_path)
    with pytest.raises(NoCheckoutError, match="they need a checkout of Birdhouse"):
        command.main(["ingest", "--rounds", "2"], standalone_mode=False)


def test_no_wheel_holds_them() -> None:
    project = tomllib.loads((bench.CHECKOUT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert not [pattern for pattern in packages for name in ("bench", "bench.run", "tests") if fnmatch(name, pattern)]
    assert [pattern for pattern in packages if fnmatch("deploy.cli", pattern)]

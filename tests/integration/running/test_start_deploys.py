"""What a start does with a project: calls of its own, and a plan that is shown, done or refused."""

from __future__ import annotations

from pathlib import Path

from tests.integration.running.runs import (
    birdhouse,
    needs_embedded,
    paste,
    running,
    write_orders,
)

pytestmark = needs_embedded


def test_another_project_gets_calls_of_its_own(tmp_path: Path) -> None:
    project = write_orders(tmp_path / "project")
    with running(tmp_path / "data", tmp_path / "run", PROJECT_DIR=str(project)) as run:
        run.wait_for("is ready")
        send, one_order = run.calls()
        assert "name=orders" in send
        assert paste(send) == {"successful_rows": 1, "quarantined_rows": 0}
        assert "order_id=1" in one_order
        assert paste(one_order)["data"] == [{"paid": True}]
        assert run.stop() == 0


def test_deploy_tells_scripts_what_is_to_be_done(tmp_path: Path) -> None:
    data = tmp_path / "data"
    project = str(write_orders(tmp_path / "project"))
    planned = birdhouse(data, "deploy", "--check", PROJECT_DIR=project)
    assert planned.returncode == 2
    assert "orders" in planned.stdout
    deployed = birdhouse(data, "deploy", PROJECT_DIR=project)
    assert (deployed.returncode, deployed.stdout) == (0, planned.stdout)
    for arguments in (("deploy", "--check"), ("deploy",)):
        again = birdhouse(data, *arguments, PROJECT_DIR=project)
        assert again.returncode == 0
        assert again.stdout.startswith("nothing to do")
    write_orders(tmp_path / "project", more=",\n    `note` Nullable(String) `json:$.note`")
    assert birdhouse(data, "deploy", "--check", PROJECT_DIR=project).returncode == 2


def test_a_change_that_loses_data_is_refused_and_stops_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    project = str(write_orders(tmp_path / "project"))
    assert birdhouse(data, "deploy", PROJECT_DIR=project).returncode == 0
    write_orders(tmp_path / "project", sorting_key="paid")
    for arguments in (("deploy", "--check"), ("deploy",), ("run",)):
        refused = birdhouse(data, *arguments, PROJECT_DIR=project)
        assert refused.returncode == 1
        assert "refused" in refused.stdout + refused.stderr
        assert "hint: " in refused.stderr
    write_orders(tmp_path / "project")
    assert birdhouse(data, "deploy", PROJECT_DIR=project).stdout.startswith("nothing to do")

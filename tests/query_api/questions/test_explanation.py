"""What a pipe would ask, as it is shown."""

from __future__ import annotations

from query_api.access.auth import AccessToken
from query_api.engine.limits import Limits
from query_api.questions.explanation import Explainer, Explanation
from schemas.queries.catalog import compile_project
from tests.query_api.fakes import FakeExecutor
from tests.query_api.projects import pipe, project


async def test_an_explanation_shows_the_sql_and_no_secret() -> None:
    compiled = compile_project(
        project(pipe("p", only="%\nSELECT {{String(x)}} AS x, {{tb_secret('salt')}} AS y")), secrets={"salt": "hush"}
    )
    executor = FakeExecutor(body=b'{"explain":"x = \'hush\'","table":"t","parts":"1","rows":"2","marks":"3"}\n')
    endpoint = compiled.endpoints["p"]
    explanation = Explanation.of(endpoint, [("x", "mine")], AccessToken("admin", is_admin=True), compiled.secrets, 7)
    found = await Explainer(executor, Limits()).explain(explanation, "id")
    assert found["sql"] == endpoint.render({"x": "mine"}).sql
    assert found["parameters"] == {"p1": "mine", "p2": "***"}
    assert found["cache_seconds"] == 7
    assert found["reads"] == [{"table": "t", "parts": 1, "rows": 2, "marks": 3}]
    assert "hush" not in str(found)

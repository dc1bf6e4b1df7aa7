"""TLS files that cannot be used stop a start, each with its setting and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.clickhouse.tls import tls_context
from service.errors import SettingsError
from service.settings import ServiceSettings, load_settings
from tests.secured.certificates import Authority, Certificate
from tests.servers import ServerUnavailableError

Files = tuple[Authority, Certificate, Certificate]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    try:
        authority = Authority(tmp_path_factory.mktemp("certificates"))
    except ServerUnavailableError as error:
        pytest.skip(str(error))
    return authority, authority.sign("one"), authority.sign("two")


def refusal(url: str = "https://host", /, **given: Path) -> str:
    environment = {
        "CLICKHOUSE_URL": url,
        **{f"CLICKHOUSE_{name.upper()}_FILE": str(path) for name, path in given.items()},
    }
    with pytest.raises(SettingsError) as caught:
        tls_context(load_settings(ServiceSettings, environment))
    return str(caught.value)


def test_what_is_wrong_with_a_file_is_named(files: Files, tmp_path: Path) -> None:
    authority, one, two = files
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.touch()
    text.write_text("no certificate")
    for name in ("ca", "cert", "key"):
        assert f"`CLICKHOUSE_{name.upper()}_FILE`: `{empty}` is empty" in refusal(**{name: empty})
        assert "cannot be read: no such file or directory" in refusal(**{name: tmp_path / "nowhere"})
    assert "`CLICKHOUSE_CA_FILE`" in refusal(ca=text)
    assert "hold no certificate with its key" in refusal(cert=text, key=one.key)
    assert "holds no certificate with its key" in refusal(cert=one.certificate)
    assert "`CLICKHOUSE_KEY_FILE`: is not the key of the certificate" in refusal(cert=one.certificate, key=two.key)
    assert "`CLICKHOUSE_KEY_FILE`: is the key of a certificate that is not given" in refusal(key=one.key)
    assert "`CLICKHOUSE_CA_FILE`: means nothing for a URL without TLS" in refusal(
        "http://host", ca=authority.certificate
    )


def test_a_ca_that_is_given_is_the_only_one(files: Files) -> None:
    authority, one, _ = files
    environment = {"CLICKHOUSE_URL": "https://host", "CLICKHOUSE_CA_FILE": str(authority.certificate)}
    context = tls_context(load_settings(ServiceSettings, environment | {"CLICKHOUSE_CERT_FILE": str(one.both)}))
    assert context is not None
    # The standard library's annotation of a subject is a union that no real one needs.
    assert [dict(subject[0] for subject in each["subject"]) for each in context.get_ca_certs()] == [  # type: ignore[misc]
        {"commonName": "tests CA"}
    ]
    assert context.check_hostname

"""Settings of a service: read from the environment once, checked as a whole, then never changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails

from schemas.project import EXAMPLE_PROJECT
from service.clickhouse.address import Address, parse_address
from service.environment import (
    PREFIX,
    PROCESS_PREFIXES,
    PROJECT_NAMES,
    RUN_NAMES,
    closest,
    is_service_link,
)
from service.errors import SettingProblem, SettingsError
from service.secret_files import SUFFIX, FileSecret, given_secret
from service.setting_texts import Setting, describe_field

# HMAC-SHA256 keys below this many characters can be guessed from one token that was seen.
SHORTEST_SECRET = 16

_CREDENTIALS_IN_URL = re.compile(r"//.*@", re.DOTALL)


class ServerSettings(BaseModel):
    """Which servers and which project: what has no prefix of ours."""

    PREFIX: ClassVar[str] = ""
    """What the environment's names of the fields begin with that a class declares itself; then comes the field's name
    in upper case."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    kafka_bootstrap_servers: str | None = Field(
        None,
        description="Kafka brokers, `host:port` and commas between them. Any `KAFKA_X_Y` sets librdkafka's `x.y`.",
    )
    clickhouse_url: str | None = Field(
        None,
        description="ClickHouse's HTTP interface, `http://host:8123` or `https://host:8443` (the ports where none is"
        " given), with a path where a proxy needs one, without credentials.",
    )
    clickhouse_ca_file: Path | None = Field(
        None,
        description="File with the CA certificates, in PEM form, that alone are trusted to sign ClickHouse's; unset:"
        " those that the machine trusts (`SSL_CERT_FILE` moves these).",
    )
    clickhouse_cert_file: Path | None = Field(
        None,
        description="File with the certificate that we show ClickHouse, in PEM form. Without a password, ClickHouse is"
        " asked to know any user but `default` by it.",
    )
    clickhouse_key_file: Path | None = Field(
        None, description="File with the key of that certificate; unset: it is in the certificate's file."
    )
    clickhouse_user: str = Field("default", min_length=1, description="ClickHouse user.")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="Password of the ClickHouse user.")
    clickhouse_database: str = Field(
        "birdhouse", min_length=1, max_length=128, description="ClickHouse database that holds the project's tables."
    )
    project_dir: Path | None = Field(
        None, description="Folder with the project's `.datasource` and `.pipe` files; unset: the example project."
    )
    deploy_on_start: bool = Field(
        False, description="Whether the worker, when it starts, applies those changes of the project that only add."
    )

    @classmethod
    def variables(cls) -> dict[str, str]:
        """The environment's name of each field, in the order in which they are written down."""
        names: dict[str, str] = {}
        for declaring in reversed(cls.__mro__):
            if issubclass(declaring, ServerSettings):
                names |= {name: declaring.PREFIX + name.upper() for name in declaring.model_fields if name not in names}
        return names

    @property
    def clickhouse_address(self) -> Address | None:
        return None if self.clickhouse_url is None else parse_address(self.clickhouse_url)

    @property
    def project_folder(self) -> Path:
        return EXAMPLE_PROJECT if self.project_dir is None else self.project_dir

    @field_validator("clickhouse_url")
    @classmethod
    def _is_plain_http_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        # The slash behind a path is the proxy's to know.
        return value if parse_address(value).path else value.rstrip("/")


class ServiceSettings(ServerSettings):
    """What every service needs to know."""

    PREFIX: ClassVar[str] = PREFIX

    secret: SecretStr | None = Field(
        None, description=f"Secret that every token is derived from, at least {SHORTEST_SECRET} characters."
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="Form of the log on stderr; `auto` is `text` on a terminal and `json` elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"at least {SHORTEST_SECRET} characters are needed, for example of `openssl rand -hex 32`")
        if isinstance(value, FileSecret):
            value.require(SHORTEST_SECRET)
        return value


T = TypeVar("T", bound=ServerSettings)


def load_settings(cls: type[T], environment: Mapping[str, str] = os.environ) -> T:
    """Settings of the class `cls` from an environment; a variable that is set but empty counts as not set.

    A secret may be in a file, which `NAME_FILE` names; its value is then that of the file whenever it is asked for.
    Raises `SettingsError` that lists every malformed value and every `BIRDHOUSE_*` name that means nothing.
    """
    variables = cls.variables()
    given: dict[str, Any] = {
        name: value for name, variable in variables.items() if (value := environment.get(variable))
    }
    problems = list(_unknown_names(cls, environment))
    for name in _secret_fields(cls):
        try:
            if (secret := given_secret(variables[name], environment)) is not None:
                given[name] = secret
        except SettingsError as error:
            problems += error.problems
    try:
        settings = cls.model_validate(given)
    except ValidationError as error:
        problems += [_malformed(cls, details, given) for details in error.errors(include_url=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def _unknown_names(cls: type[ServerSettings], environment: Mapping[str, str]) -> Iterator[SettingProblem]:
    variables = cls.variables()
    known = {*variables.values(), *(variables[name] + SUFFIX for name in _secret_fields(cls))}
    others = tuple(prefix for prefix in PROCESS_PREFIXES if not any(name.startswith(prefix) for name in known))
    for name in sorted(environment):
        ours = name.startswith(PREFIX) and not name.startswith((PROJECT_NAMES, *others))
        if ours and name not in known | RUN_NAMES and not is_service_link(name):
            suggestion = closest(name, known)
            yield SettingProblem(name, "no such setting", f"did you mean `{suggestion}`?" if suggestion else "unset it")


def _secret_fields(cls: type[ServerSettings]) -> list[str]:
    fields = cls.model_fields.items()
    return [name for name, field in fields if SecretStr in (field.annotation, *get_args(field.annotation))]


def _malformed(cls: type[ServerSettings], details: ErrorDetails, given: Mapping[str, str]) -> SettingProblem:
    field_name = str(details["loc"][0]) if details["loc"] else ""
    reason = details["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    if field_name not in cls.model_fields:
        return SettingProblem(field_name.upper() or "settings", reason)
    setting = describe_field(cls.variables()[field_name], cls.model_fields[field_name])
    if field_name not in given:
        return SettingProblem(setting.name, "is needed and not set", f"{setting.description} ({setting.type})")
    value = "what was given" if setting.is_secret else f"`{_CREDENTIALS_IN_URL.sub('//***@', given[field_name])}`"
    return SettingProblem(setting.name, f"cannot be {value}: {reason}", f"{setting.description} ({setting.type})")


def describe(cls: type[ServerSettings]) -> list[Setting]:
    """Every setting of a class, in the order in which they are written down."""
    return [describe_field(variable, cls.model_fields[name]) for name, variable in cls.variables().items()]

"""How many processes answer, and what of the limits of the whole API each of them gets."""

from __future__ import annotations

from query_api.settings import QueryApiSettings
from service.errors import SettingProblem, SettingsError


def process_count(settings: QueryApiSettings, cores: int) -> int:
    """How many processes the settings ask for on that many cores. Raises `SettingsError` when they are too many to
    share a limit; where as many as there are cores are asked for, they are fewer then."""
    most: dict[str, int] = {name: getattr(settings, name) // least for name, least in settings.OF_ALL.items() if least}
    if settings.processes == 0:
        return min(cores, *map(int, most.values()))
    for name, count in most.items():
        if settings.processes > count:
            variable, value = settings.variables()[name], getattr(settings, name)
            raise SettingsError(
                [
                    SettingProblem(
                        settings.variables()["processes"],
                        f"{settings.processes} processes cannot share `{variable}`, which is {value}:"
                        f" each needs {settings.OF_ALL[name]} at least",
                        f"set at most {count}, or 0 for as many as there are cores and the limits allow",
                    )
                ]
            )
    return settings.processes


def share_of(settings: QueryApiSettings, number: int, count: int) -> QueryApiSettings:
    """The settings of process `number` (from 0) of `count`: all shares of a limit add up to it."""
    shares = {}
    for name in settings.OF_ALL:
        each, rest = divmod(getattr(settings, name), count)
        shares[name] = each + (number < rest)
    return settings.model_copy(update=shares)

"""Commands, environments, URLs and whole plans without their secrets: a run is made to be sent on.

In doubt it hides too much: what a reader misses, the sender can tell.
"""

import re
from collections.abc import Mapping, Sequence

from gainbench.plan.model import Arm, Plan, Seed

HIDDEN = "***"
NO_SECRETS = frozenset({"THREAD_TOKENS"})  # a setting of ours that is named like one

_SECRET = "PASSWORD|PASSWD|SECRET|TOKEN|API[_-]KEY|CREDENTIAL"
_SECRET_NAME = re.compile(_SECRET, re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"([\w-]*(?:{_SECRET})[\w-]*)=(\S+)", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\w+\}")
# scheme://user:password@host. The password ends at the last @ before the path; failing that, at the next @
# anywhere, since SQLAlchemy reads passwords with a slash in them. What looks like a port is no password.
_USER = r"://[^\s:/?#]*:"
_PORT = r"(?:\d+|\{\w+\})[/?#]"
_USERINFO = re.compile(rf"({_USER})([^\s/?#]*(?=@)|(?!{_PORT})[^\s@]*(?=@))")


def mask_text(text: str) -> str:
    """Hide the passwords of URLs, and the values of assignments to names that tell of a secret."""
    text = _USERINFO.sub(lambda match: match[1] + _hidden(match[2]), text)
    return _ASSIGNMENT.sub(lambda match: f"{match[1]}={_mask_named(match[1], match[2])}", text)


def mask_words(words: Sequence[str]) -> list[str]:
    """A command's words; ``--password x`` is hidden like ``--password=x``."""
    pairs = zip(["", *words], words, strict=False)
    return [_hidden(word) if _is_value_of(before, word) else mask_text(word) for before, word in pairs]


def mask_environment(table: Mapping[str, str]) -> dict[str, str]:
    return {key: _mask_named(key, mask_text(value)) for key, value in table.items()}


def mask_plan(plan: Plan) -> Plan:
    """The plan as others may read it."""
    database = plan.database.changed({"server": mask_text(plan.database.server)})
    return plan.model_copy(
        update={
            "database": database,
            "arms": tuple(_mask_arm(arm) for arm in plan.arms),
            "seeds": tuple(_mask_seed(seed) for seed in plan.seeds),
        }
    )


def _mask_arm(arm: Arm) -> Arm:
    return arm.changed(
        {
            "command": tuple(mask_words(arm.command)) if arm.command else None,
            "url": mask_text(arm.url) if arm.url else None,
            "setup": tuple(mask_words(arm.setup)) if arm.setup else None,
            "env": mask_environment(arm.env),
        }
    )


def _mask_seed(seed: Seed) -> Seed:
    return seed.changed({"command": tuple(mask_words(seed.command))})


def _is_value_of(before: str, word: str) -> bool:
    is_flag = before.startswith("--") and "=" not in before and not word.startswith("-")
    return is_flag and _SECRET_NAME.search(before) is not None


def _mask_named(name: str, value: str) -> str:
    return _hidden(value) if _SECRET_NAME.search(name) and name not in NO_SECRETS else value


def _hidden(value: str) -> str:
    """A placeholder stays: it is filled only when an arm starts, and tells nothing."""
    return value if _PLACEHOLDER.fullmatch(value) else HIDDEN

"""Plans without their secrets."""

from typing import Any

from gainbench.masking import mask_environment, mask_text, mask_words, remember_named, remember_words
from gainbench.plan.model import Arm, ParityRules, Plan, Seed


def mask_plan(plan: Plan) -> Plan:
    """The plan as others may read it."""
    database = plan.database.changed({"server": mask_text(plan.database.server)})
    return plan.model_copy(
        update={
            "database": database,
            "arms": tuple(_mask_arm(arm) for arm in plan.arms),
            "scenarios": tuple(one.changed({"args": tuple(mask_words(one.args))}) for one in plan.scenarios),
            "seeds": tuple(_mask_seed(seed) for seed in plan.seeds),
            "parity": _mask_parity(plan.parity),
        }
    )


def remember_secrets(plan: Plan) -> None:
    """Those that it names are hidden from now on, wherever they appear."""
    remember_named({"server": plan.database.server})
    for arm in plan.arms:
        remember_named(arm.env)
    for scenario in plan.scenarios:
        remember_words(scenario.args)
    if plan.parity is not None:
        remember_named(plan.parity.request_headers)
        login = plan.parity.login
        for table in (login.body, login.form) if login is not None else ():
            remember_named(table or {})


def _mask_arm(arm: Arm) -> Arm:
    return arm.changed(
        {
            "command": tuple(mask_words(arm.command)) if arm.command else None,
            "url": mask_text(arm.url) if arm.url else None,
            "setup": tuple(mask_words(arm.setup)) if arm.setup else None,
            "env": mask_environment(arm.env),
        }
    )


def _mask_parity(rules: ParityRules | None) -> ParityRules | None:
    if rules is None:
        return None
    said: dict[str, Any] = {"request_headers": mask_environment(rules.request_headers)}
    if rules.login is not None:
        sent = {"body": rules.login.body, "form": rules.login.form}
        masked = {key: table and mask_environment(table) for key, table in sent.items()}
        said["login"] = rules.login.changed(masked)
    return rules.changed(said)


def _mask_seed(seed: Seed) -> Seed:
    return seed.changed({"command": tuple(mask_words(seed.command))})

"""An exploration's own options; they are read before anything is fetched, and again when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlperf_home.exploration.definition.settings import Settings
from mlperf_home.exploration.live.plan import SEARCHERS
from scriptgraph.api import StepFailed

if TYPE_CHECKING:
    from scriptgraph.api import Context


def race_settings(context: Context) -> Settings:
    """Give the race's settings, as far as the user decides them.

    Raises:
        StepFailed: one cannot be used.
    """
    usual = Settings()
    risk, probe_s = context.number("CM_EXPLORE_RISK"), context.number("CM_EXPLORE_PROBE_S")
    rounds, seed = context.whole("CM_EXPLORE_ROUNDS"), context.whole("CM_EXPLORE_SEED")
    if seed is not None and seed < 0:
        raise StepFailed(f"--seed={seed}: must be 0 or more")
    try:
        return Settings(
            risk=usual.risk if risk is None else risk,
            rounds=usual.rounds if rounds is None else rounds,
            first_probe_s=usual.first_probe_s if probe_s is None else probe_s,
            official=context.text("CM_EXPLORE_OFFICIAL", usual.official),
            full_accuracy=context.flag("CM_EXPLORE_FULL_ACCURACY"),
            seed=seed or 0,
        )
    except ValueError as error:
        raise StepFailed(f"the exploration's options: {error}") from None


def asked_searcher(context: Context) -> tuple[str, float | None]:
    """Give the searcher, and the seconds that it may spend; None for the race.

    Raises:
        StepFailed: there is none of that name, or the budget does not belong to it.
    """
    searcher, budget_s = context.text("CM_EXPLORE_SEARCHER", "race"), context.number("CM_EXPLORE_BUDGET_S")
    if searcher not in SEARCHERS:
        raise StepFailed(f"--searcher={searcher}: must be one of {', '.join(SEARCHERS)}")
    if searcher == "race":
        if budget_s is not None:
            raise StepFailed("--budget: the race ends by itself; give it to --searcher=tpe or nsga2")
        return searcher, None
    if budget_s is None or budget_s <= 0:
        raise StepFailed(f"--searcher={searcher} needs --budget, the seconds that it may spend, above 0")
    return searcher, budget_s

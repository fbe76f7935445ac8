"""The product's name and addresses, and the engine that runs its scripts."""

from pathlib import Path

from scriptgraph.embed import Engine, Product

PRODUCT = Product(
    name="mlperf-home",
    repository="cm_mlperf_home",
    checkout=Path(__file__).resolve().parents[2],
    cache_variable="MLPERF_HOME_CACHE",
    packages=("mlperf-home", "cmind", "uv"),
    file_facts=Path(__file__).with_name("file_facts.json"),
    locks=Path(__file__).with_name("environments"),
    own_lock="machine",
    restricted={"deepsparse": "DeepSparse's licence allows evaluation and forbids redistribution"},
)
ENGINE = Engine(PRODUCT)

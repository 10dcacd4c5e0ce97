"""All settings: their names, types, bounds, defaults and what they are; what docs/settings.md is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from processors.durations import parse_duration_s, parse_ttl_s
from processors.form import Descriptions, Send, Stage
from processors.settings import checks

PREFIX = "COSMOS_"


class Settings(BaseSettings):
    """What a run needs to know. The description of each field is its documentation."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        extra="forbid",
        env_ignore_empty=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    endpoint: Annotated[str, AfterValidator(checks.endpoint)] = Field(
        "", description="Cosmos DB account or emulator, as a URL"
    )
    key: Annotated[SecretStr, AfterValidator(checks.utf8_text)] = Field(
        SecretStr(""), description="Account key; empty means DefaultAzureCredential"
    )
    database: str = Field("SensorData", min_length=1, max_length=255, description="Database of the account")
    container: str = Field("readings", min_length=1, max_length=255, description="Container of the readings")
    indexed: Annotated[dict[str, tuple[str, ...]], AfterValidator(checks.indexed)] = Field(
        default_factory=dict,
        description="Container -> all paths that it indexes, for those that differ (docs/azure.md)",
    )
    ttl: Annotated[dict[str, Annotated[int, BeforeValidator(parse_ttl_s)]], AfterValidator(checks.ttl)] = Field(
        default_factory=dict,
        description="Container -> when its documents expire (seconds, 12h, 90d, never), for those that differ",
    )
    city: Annotated[str, AfterValidator(checks.folder_name)] = Field(
        "", description="Folder below the data folder, as written"
    )
    node_folder: Annotated[str, AfterValidator(checks.subfolder)] = Field(
        "", description="Folder that relative `data`, `state` and `archive` are in, for nodes that share a disk"
    )
    data: Path = Field(Path("data"), description="Holds `<city>/<sensor>/sensor_data.db`; never written to")
    state: Path = Field(Path("state"), description="Positions and what stages carry from run to run")
    archive: Path = Field(Path("archive"), description="Parquet archive")
    every: Annotated[float | None, BeforeValidator(parse_duration_s)] = Field(
        None, gt=0, description="Seconds from the start of a pass to the next (or 30s, 5m, 1h); absent: one pass"
    )
    start_delay: Annotated[float, BeforeValidator(parse_duration_s)] = Field(
        0.0, ge=0, description="With `every`: the first pass starts within so many seconds, when is drawn for each node"
    )
    stage: Stage = Field("sanitized", description="How far readings are refined before they leave the node")
    send: Send = Field(
        "all",
        description="Which readings leave: all, those that say something new (`changes`), or `anomalies` and what was "
        "around them",
    )
    dead_band: Annotated[dict[str, float], AfterValidator(checks.bounds)] = Field(
        default_factory=dict,
        description="With `send = changes`: measure -> how far it may be from its value in the reading that left last, "
        "in its unit",
    )
    swinging_door: Annotated[dict[str, float], AfterValidator(checks.bounds)] = Field(
        default_factory=dict,
        description="With `send = changes`: measure -> how far it may be from the straight line between the readings "
        "that left before and after, in its unit",
    )
    context_rows: int = Field(
        10,
        ge=0,
        le=1_000,
        description="With `send = anomalies`: readings of the sensor before and after an anomaly that leave with it",
    )
    bucket_rows: int = Field(1, ge=1, le=1_000, description="Readings of a document; 1: each has its own")
    bucket_seconds: Annotated[float | None, BeforeValidator(parse_duration_s)] = Field(
        None,
        ge=1,
        le=31_622_400,
        description="With `bucket_rows`: a document's readings are of the same so many seconds (or 1m, 1h)",
    )
    hold: Annotated[float, BeforeValidator(parse_duration_s)] = Field(
        300.0,
        ge=0,
        description="With `every`: seconds (or 30s, 5m) for which readings may wait for their bucket to be full; a run "
        "of one pass holds nothing back",
    )
    descriptions: Descriptions = Field(
        "each",
        description="What a sensor is: in `each` reading, or `once` for a sensor and month in a document that readings "
        "name (not with the stage `raw`)",
    )
    resolution: Annotated[dict[str, float], AfterValidator(checks.resolution)] = Field(
        default_factory=dict,
        description="Measure -> step that its values leave in from `schematized` on, such as 0.01; the archive has "
        "them as they were read",
    )
    table: str = Field("sensor_readings", min_length=1, description="Table of the readings")
    columns: Annotated[dict[str, str], AfterValidator(checks.contract_names)] = Field(
        default_factory=dict, description="Contract column -> column of the table, for those that differ"
    )
    source_time_zone: Annotated[str, AfterValidator(checks.zone)] = Field(
        "UTC", description="IANA zone of time stamps that have none, in rows that name none"
    )
    page_rows: int = Field(20_000, ge=1, le=100_000, description="Rows of a batch")
    ru_budget: Annotated[str, BeforeValidator(checks.as_text), AfterValidator(checks.budget)] = Field(
        "", description="Request units for a run (5000) or for an hour (5000/h); what is left over waits. Empty: no end"
    )
    skip_replays: bool = Field(
        False,
        description="Ask which documents of a batch are there, where a run was killed while it sent it, and send the "
        "others only. Takes the right to query: an identity that may only write cannot",
    )
    coordinate_decimals: int = Field(2, ge=0, le=8, description="Decimals of coordinates from `sanitized` on")
    drop_fields: Annotated[tuple[str, ...], AfterValidator(checks.private_fields)] = Field(
        (), description="Document fields that do not leave the node from `sanitized` on"
    )
    hash_fields: Annotated[tuple[str, ...], AfterValidator(checks.private_fields)] = Field(
        (), description="Document fields that leave as a keyed hash from `sanitized` on"
    )
    hash_key: Annotated[SecretStr, AfterValidator(checks.utf8_text)] = Field(
        SecretStr(""), description="Key of the hash"
    )
    thresholds: Annotated[dict[str, float], AfterValidator(checks.thresholds)] = Field(
        default_factory=dict,
        description="Kind of anomaly -> score from which on it is one, for those that differ (docs/anomalies.md)",
    )
    limits: Annotated[dict[str, tuple[float, float]], AfterValidator(checks.limits)] = Field(
        default_factory=dict, description="Measure -> what its sensor can measure, for those that differ"
    )
    subscription: Annotated[str, AfterValidator(checks.subscription)] = Field(
        "", description="Azure subscription of the account"
    )
    resource_group: Annotated[str, AfterValidator(checks.resource_group)] = Field(
        "", description="Resource group of the account"
    )
    scale_limit: int = Field(
        10_000,
        ge=1_000,
        description="RU/s above which `cosmos scale` sets no maximum; one physical partition has 10,000",
    )

    @model_validator(mode="after")
    def _one_bound_for_a_measure(self) -> Settings:
        if both := self.dead_band.keys() & self.swinging_door.keys():
            raise ValueError(f"both a dead_band and a swinging_door: {', '.join(sorted(both))}")
        bounds = {**self.dead_band, **self.swinging_door}
        if spent := sorted(name for name, step in self.resolution.items() if bounds.get(name, step) <= step / 2):
            raise ValueError(
                f"rounding takes half a step, which is all of the bound or more: {', '.join(spent)}; "
                "a dead_band or swinging_door needs more than half of the measure's resolution"
            )
        return self

    @model_validator(mode="after")
    def _raw_readings_say_all(self) -> Settings:
        if self.stage == "raw" and self.descriptions == "once":
            raise ValueError("descriptions = once needs another stage: raw readings say what was read, each by itself")
        return self

    @model_validator(mode="after")
    def _hash_needs_a_key(self) -> Settings:
        if self.hash_fields and not self.hash_key.get_secret_value():
            raise ValueError("hash_fields needs hash_key: a hash without a key can be reversed by trying")
        if both := set(self.hash_fields) & set(self.drop_fields):
            raise ValueError(f"both dropped and hashed: {', '.join(sorted(both))}")
        return self

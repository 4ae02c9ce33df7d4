"""Everything that is set from outside, from the environment or a `.env` file."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Cohort's settings; each is read from `COHORT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="COHORT_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("cohort"), description="where Cohort keeps things")
    database_url: str | None = Field(default=None, description="postgresql+asyncpg://…; default: SQLite in home")
    runs_url: str | None = Field(default=None, description="where run directories are; default: home/runs")
    slots: int | None = Field(default=None, description="runs at once; default: one a GPU, or one on CPU")
    engine: Literal["local", "ray", "none"] = Field(default="local", description="where runs go; none: other runners")
    ray_address: str = Field(default="http://127.0.0.1:8265", description="of the cluster's dashboard")
    ray_gpus: float = Field(default=1.0, ge=0, description="GPUs of a run: a fraction, one or several; 0: CPU")
    ray_cpus: float = Field(default=1.0, gt=0, description="CPU cores that Ray keeps for a run")
    ray_memory: int | None = Field(default=None, gt=0, description="bytes of memory that a run may use")
    ray_python: str = Field(default="python", description="the interpreter on the cluster's machines")
    ray_runtime_env: dict[str, Any] = Field(default_factory=dict, description="a Ray runtime environment, as JSON")
    ray_wheel: Path | None = Field(default=None, description="Cohort's wheel, for a cluster that has no Cohort")
    discord_token: SecretStr | None = Field(default=None, description="the bot's token; without it, no Discord")
    slack_bot_token: SecretStr | None = Field(default=None, description="xoxb-…, for one workspace")
    slack_app_token: SecretStr | None = Field(default=None, description="xapp-…, for Socket Mode")
    slack_signing_secret: SecretStr | None = Field(default=None, description="for HTTP instead of Socket Mode")
    slack_client_id: str | None = Field(default=None, description="for many workspaces, by OAuth")
    slack_client_secret: SecretStr | None = None
    slack_port: int = Field(default=3000, description="where HTTP from Slack is taken")
    slack_api_url: str = "https://slack.com/api/"
    hf_endpoint: str = Field(default="https://huggingface.co", description="the hub, or a mirror of it")
    hf_home: Path | None = Field(default=None, description="where its files are kept; default: home/huggingface")
    hf_token: SecretStr | None = Field(default=None, description="for gated repositories; no training process sees it")
    hub_bytes: int = Field(default=2_000_000_000, gt=0, description="that are downloaded of one repository, at most")
    hub_seconds: int = Field(default=900, gt=0, description="that this may take")
    openai_model: str | None = Field(default=None, description="the tutor's model; without it, it quotes the lessons")
    openai_base_url: str | None = Field(default=None, description="any compatible endpoint; default: OpenAI's")
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("cohort_openai_api_key", "openai_api_key")
    )
    openai_context: int = Field(default=8_192, ge=4_096, description="tokens that the model reads and writes at once")
    tutor_tokens_per_day: int = Field(default=100_000, description="of the model, for a learner a day")
    tutor_tokens_per_month: int = Field(default=10_000_000, description="of the model, for a group a month")

    @cached_property
    def database(self) -> str:
        """The store's URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home / 'cohort.db'}"

    @cached_property
    def runs(self) -> str:
        """The URL under which each run has its directory."""
        return (self.runs_url or str(self.home / "runs")).rstrip("/")

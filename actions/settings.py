"""Settings of the action server, read from the environment with the prefix XIAOER_."""

from functools import cache

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="XIAOER_", extra="ignore")

    app_url: str = Field(default="http://127.0.0.1:8000", description="where the backoffice's API is")
    actions_url: str = Field(default="http://127.0.0.1:8002", description="where the bot finds the actions")
    service_token: str = Field(description="what our own services show to the API")


@cache
def get_settings() -> Settings:
    """Raises `ValidationError` when the service token is missing."""
    return Settings()

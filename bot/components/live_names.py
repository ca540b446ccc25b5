"""Keeps the bot's names those of the live catalogue, without training and without delaying a message."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import requests

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
RETRY_SECONDS = 2.0
ANSWER_SECONDS = 10.0


class Knowing(Protocol):
    def know(self, served: Mapping[str, Any]) -> None: ...


class LiveNames:
    """Asks the app's `GET /api/names` again and again; an answer that did not change (ETag) costs nothing.

    As long as the app is away the last known names stay.
    """

    def __init__(self, app_url: str, service_token: str) -> None:
        self._url = f"{app_url}/api/names"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {service_token}"
        self._etag = ""

    @classmethod
    def follow(cls, extractor: Knowing) -> threading.Thread | None:
        """Tell `extractor` what there is now, then in the background for as long as it lives.

        Does nothing in a process that was not told where the app is (XIAOER_APP_URL, XIAOER_SERVICE_TOKEN).
        """
        app_url, token = os.environ.get("XIAOER_APP_URL"), os.environ.get("XIAOER_SERVICE_TOKEN")
        if not (app_url and token):
            return None
        names = cls(app_url, token)
        with suppress(Exception):
            names.refresh(extractor)
        follower = threading.Thread(
            target=names._follow, args=(weakref.ref(extractor),), name="live-names", daemon=True
        )
        follower.start()
        return follower

    def _follow(self, extractor: weakref.ref[Knowing]) -> None:
        retry = RETRY_SECONDS
        while (known := extractor()) is not None:
            try:
                self.refresh(known)
                wait, retry = EVERY_SECONDS, RETRY_SECONDS
            except Exception as problem:
                log.info("names stay as they are: %r", problem)
                wait, retry = retry, min(2 * retry, EVERY_SECONDS)
            del known
            time.sleep(wait)

    def refresh(self, extractor: Knowing) -> bool:
        """Fetch once; whether the names had changed. Raises `requests.RequestException`."""
        asked = {"If-None-Match": self._etag} if self._etag else {}
        answer = self._session.get(self._url, headers=asked, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        if answer.status_code == requests.codes.not_modified:
            return False
        extractor.know(answer.json())
        self._etag = answer.headers.get("ETag", "")
        return True

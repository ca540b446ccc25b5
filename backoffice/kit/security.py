"""Who may ask, as the API's description tells it.

Where a credential is checked is marked with what is let in. The marks are read when the description is made,
never when a request is answered.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security.base import SecurityBase

Way = tuple[SecurityBase, ...]
"""Credentials that are shown together."""
ANYBODY: Way = ()
Check = TypeVar("Check", bound=Callable[..., Any])
_admitted: dict[Callable[..., Any], tuple[Way, ...]] = {}


def admits(*ways: Way) -> Callable[[Check], Check]:
    """Mark a dependency, or an endpoint that checks for itself, with the ways to be let in."""

    def marked(check: Check) -> Check:
        _admitted[check] = ways
        return check

    return marked


class DescribedAPI(FastAPI):
    """An API whose description names the credentials that each operation admits."""

    def openapi(self) -> dict[str, Any]:
        known = self.openapi_schema
        document = super().openapi()
        if document is not known:
            self._tell_admitted(document)
        return document

    def _tell_admitted(self, document: dict[str, Any]) -> None:
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        for route in iter_route_contexts(self.routes):
            if not isinstance(route.original_route, APIRoute) or not route.include_in_schema:
                continue
            ways = list(dict.fromkeys(ways_into(route.dependant)))
            if not ways:
                continue
            for scheme in sum(ways, ()):
                schemes[scheme.scheme_name] = jsonable_encoder(scheme.model, exclude_none=True)
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                operation["security"] = [{scheme.scheme_name: [] for scheme in way} for way in ways]


def ways_into(dependant: Dependant) -> Iterator[Way]:
    """What the outermost marks on the way to an endpoint admit."""
    if dependant.call in _admitted:
        yield from _admitted[dependant.call]
    else:
        for each in dependant.dependencies:
            yield from ways_into(each)

"""The description of the calls: models of bodies that are read by hand, and no status that never comes."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_REF = "#/components/schemas/{model}"


def describe(app: FastAPI, models: list[type[BaseModel]]) -> None:
    """Add the models of bodies to the description of an app."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
            schema["components"]["schemas"] |= found["$defs"]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]

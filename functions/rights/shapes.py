"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import COUNT, ID, Answers, record

ANSWERS: Mapping[str, Answers | None] = {
    "POST /v1/rights/licences": {201: record("Licence", {"licence_id": ID, "version": COUNT})},
    "DELETE /v1/rights/licences/{licence_id}": {204: None},
}

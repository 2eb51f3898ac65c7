"""matchGlob of a listing, as a regular expression.

`*` matches within a `/` level, `**` across levels, `?` one character, `[a-z]` a class,
`{a,b}` alternatives. Source: cloud.google.com/storage/docs/json_api/v1/objects/list.
"""

import re

from emulators.runtime.storage.errors import BadRequest

_MOST_GROUPS = 50


def compile_glob(glob: str) -> re.Pattern[str]:
    """The expression that matches what `glob` does, to be used with `fullmatch`."""
    out: list[str] = []
    depth = at = 0
    if glob.count("{") > _MOST_GROUPS:
        raise BadRequest(f"Invalid glob: {glob[:100]}…")
    while at < len(glob):
        char = glob[at]
        at += 1
        if char == "*":
            if glob[at : at + 1] == "*":
                at += 1
                if glob[at : at + 1] == "/":
                    at += 1
                    out.append("(?:.*/)?")
                else:
                    out.append(".*")
            else:
                out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            end = glob.find("]", at + 1)
            if end < 0:
                raise BadRequest(f"Invalid glob: {glob}")
            body = glob[at:end].replace("\\", "\\\\").replace("[", "\\[")
            out.append(f"[^{body[1:]}]" if body[:1] in ("!", "^") else f"[{body}]")
            at = end + 1
        elif char == "{":
            depth += 1
            out.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            out.append(")")
        elif char == "," and depth:
            out.append("|")
        elif char == "\\" and at < len(glob):
            out.append(re.escape(glob[at]))
            at += 1
        else:
            out.append(re.escape(char))
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:
        raise BadRequest(f"Invalid glob: {glob}") from None

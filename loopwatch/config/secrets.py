"""Secrets: written out, from the environment, or from a file. Never in a message."""

from __future__ import annotations

import os
from pathlib import Path

from alerts.receivers import Secret
from loopwatch.config.faults import joined, shown
from loopwatch.config.findings import Findings
from loopwatch.config.nodes import Node, Scalar
from loopwatch.config.tables import Table
from loopwatch.config.urls import holds_secret, url_problem
from loopwatch.config.values import describe, is_nothing, text

FILE = "_file"


def one_secret(
    findings: Findings, found: Table, names: tuple[str, ...], folder: Path
) -> tuple[str, Secret] | None:
    """The one secret of those allowed here, with the name it goes by.

    Exactly one of ``names`` is wanted, and each may be ``NAME_file``, a path relative
    to ``folder``: that of the configuration file.
    """
    known = [key for name in names for key in (name, name + FILE)]
    present = [key for key in found if key in known]
    if not present:
        if not found.lacks(*known):
            return None
        findings.fault(found.at, f"{joined(known)} is missing")
        return None
    for other in present[1:]:
        findings.fault(
            found.keys[other], f"'{other}' stands beside '{present[0]}': write one"
        )
    read = [read_secret(findings, found, key, folder) for key in present]
    if len(present) > 1 or read[0] is None:
        return None
    return present[0].removesuffix(FILE), read[0]


def read_secret(
    findings: Findings, found: Table, key: str, folder: Path
) -> Secret | None:
    """The secret under a key that is there."""
    node = found.nodes[key]
    if key.endswith(FILE):
        return _in_file(findings, node, folder)
    if not isinstance(node, Scalar) or is_nothing(node) or not node.text.strip():
        empty = "an empty text" if isinstance(node, Scalar) else describe(node)
        findings.fault(node, f'found {empty}: write a secret, such as "${{NAME}}"')
        return None
    looked_up = findings.expand(node)
    if looked_up.malformed:
        return None
    if looked_up.unset:
        return Secret(variable=looked_up.unset[0])
    value = looked_up.text.strip()
    if not value:
        name = looked_up.variables[0]
        findings.lacks(node, f"the environment variable {name} is empty")
        return Secret(variable=name)
    problem = _misplaced(key, value)
    if problem is not None:
        findings.fault(node, problem)
        return None
    if not looked_up.variables and (key != "url" or holds_secret(value)):
        findings.warn(
            node,
            f"'{key}' is a secret and is written out here: take it from the"
            f' environment, "${{NAME}}", or from a file, {key}{FILE}',
        )
    return Secret(value=value)


def _misplaced(key: str, value: str) -> str | None:
    """What is wrong with a secret, without showing it."""
    if key.endswith("url"):
        return url_problem(value)
    if "://" in value:
        return f"'{key}' wants a token, and this is a URL"
    if not (value.isprintable() and value.isascii()) or " " in value:
        return f"'{key}' holds characters that no token has: was it copied whole?"
    return None


def _in_file(findings: Findings, node: Node, folder: Path) -> Secret | None:
    name = text(findings, node, "the path of a file")
    if name is None:
        return None
    if "\0" in name:
        findings.fault(node, "this is no path of a file")
        return None
    # The path as it stands may hold a variable: what is shown is the file's text.
    raw = node.text if isinstance(node, Scalar) else name
    path = folder / name
    if "${" not in name and not os.access(path, os.R_OK):
        findings.lacks(node, f"the secret file {shown(raw)} cannot be read")
    return Secret(file=path)

"""Read YAML, ids kept as written, and hold it against a JSON Schema, telling every mistake with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from cytotrial.errors import CytotrialError, did_you_mean, problem


class WrittenInt(int):
    """A YAML integer that remembers its text, so that the id ``007`` stays ``007``."""

    written: str


class WrittenFloat(float):
    """A YAML float that remembers its text, so that the id ``1.10`` stays ``1.10``."""

    written: str


class _Loader(yaml.SafeLoader):
    """Safe loader: keys are text as written, numbers remember theirs, repeated keys are collected."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.mistakes: list[tuple[int, str, str]] = []  # line, what was found, what to do

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        own = [key for key, _ in node.value]
        self.flatten_mapping(node)
        mapping: dict[str, Any] = {}
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.mistakes.append((line, "a list or mapping as a key", 'put the key in quotes: "..."'))
                continue
            if key in own and key.value in seen:
                self.mistakes.append((line, f"the key {key.value!r} a second time", "keep one of the two"))
            if key in own:
                seen.add(key.value)
            mapping[key.value] = self.construct_object(value, deep=True)
        return mapping

    def construct_map(self, node: yaml.MappingNode) -> dict[str, Any]:
        return self.construct_mapping(node, deep=True)

    def construct_written_int(self, node: yaml.ScalarNode) -> WrittenInt:
        number = WrittenInt(self.construct_yaml_int(node))
        number.written = node.value
        return number

    def construct_written_float(self, node: yaml.ScalarNode) -> WrittenFloat:
        number = WrittenFloat(self.construct_yaml_float(node))
        number.written = node.value
        return number

    def construct_text(self, node: yaml.ScalarNode) -> str:
        return str(self.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_map)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_written_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_written_float)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_text)  # an id may look like a date


def read_yaml(path: Path) -> Any:
    """The file's content: keys are text as written, numbers remember their text (see `text_of`).

    Raises
    ------
    CytotrialError
        The file is missing, a folder, not UTF-8, not YAML (with its line), or repeats keys.
    """
    text = _text(path)
    try:
        loader = _Loader(text)
        content = loader.get_single_data()
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # ValueError: a number no number can be made of
        raise CytotrialError(_syntax_problem(path, error)) from error
    if loader.mistakes:
        raise CytotrialError(
            problem(f"{path}, line {line}", found=found, expected="each key once, as plain text", remedy=remedy)
            for line, found, remedy in loader.mistakes
        )
    return content


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found, remedy = f"bytes that are not UTF-8 ({error.reason})", "save the file as UTF-8"
    except OSError as error:
        found, remedy = f"no readable file ({error.strerror})", "check the path" + near_file(path)
    raise CytotrialError(problem(str(path), found=found, expected="a YAML file", remedy=remedy))


def _syntax_problem(path: Path, error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}, line {mark.line + 1}" if mark else str(path)
    said = " ".join(str(getattr(error, "problem", None) or error).split())
    return problem(
        where,
        found=f"a YAML syntax error ({said})",
        expected="valid YAML",
        remedy="look at this line and the one above it for indentation, brackets and quotes",
    )


def near_file(path: Path) -> str:
    """`` (did you mean 'treg.yaml'?)`` for the first part of `path` that is not there."""
    for step in (*reversed(path.parents), path):
        if not step.exists():
            try:
                return did_you_mean(step.name, sorted(entry.name for entry in step.parent.iterdir()))
            except OSError:
                return ""
    return ""


def file_problem(written: str, *, root: Path, where: str) -> str | None:
    """What is wrong with the path `written` as an existing file below `root`; None where nothing is."""
    path = root / written
    if path.is_file():
        return None
    kind = "the folder" if path.is_dir() else "no file"
    remedy = "name a file in it" if path.is_dir() else f"correct the path{near_file(path)}"
    wanted = "an existing file, absolute or relative to the working directory"
    return problem(where, found=f"{kind} {written!r}", expected=wanted, remedy=remedy)


def text_of(value: Any) -> str:
    """An id as text, exactly as it was written: ``id: 10`` and a sheet's cell ``10`` are the same id."""
    return str(getattr(value, "written", value))


def plain(value: Any) -> Any:
    """`value` with ordinary ints and floats in place of those that remember their text."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, WrittenInt):
        return int(value)
    return float(value) if isinstance(value, WrittenFloat) else value


def load_schema(name: str) -> dict[str, Any]:
    """The package's JSON Schema ``schemas/<name>.json``."""
    return json.loads(resources.files("cytotrial").joinpath(f"schemas/{name}.json").read_text("utf-8"))


def schema_problems(content: Any, schema: Mapping[str, Any], *, where: str) -> list[str]:
    """Every place where `content` is not what `schema` asks for, as sentences; `where` begins each."""
    errors = _validator()(schema).iter_errors(content)
    return list(dict.fromkeys(sentence for error in errors for sentence in _sentences(error, schema, where)))


@cache
def _validator() -> Any:
    """JSON Schema's validator, made once: a sheet has a row's worth of questions for each of its rows."""
    from jsonschema import (
        Draft202012Validator,
        validators,
    )  # only when something is validated: the Snakefile parses this module

    usual = Draft202012Validator.TYPE_CHECKER
    # YAML's .nan is within any limits, for no comparison with it is true.
    numbers = usual.redefine("number", lambda _, value: usual.is_type(value, "number") and value == value)
    return validators.extend(Draft202012Validator, type_checker=numbers)


def _sentences(error: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    place = ", ".join([where, *_steps(error.absolute_path)])
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", ()))
        for key in error.instance:
            if key not in known:
                yield problem(
                    place,
                    found=f"the unknown key {key!r}{did_you_mean(key, known)}",
                    expected=f"only {', '.join(known)}",
                    remedy="correct or remove it",
                )
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                wanted = _description(error.schema["properties"][key], schema)
                yield problem(place, found=f"no {key}", expected=f"{key}: {wanted}", remedy="add it")
    else:
        yield problem(
            place,
            found=shown(error.instance),
            expected=error.schema.get("description", error.message),
            remedy=_remedy(error),
        )


def _description(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A part's own words, or those of the definition it refers to."""
    definition = part.get("$ref", "").removeprefix("#/$defs/")
    return (schema["$defs"][definition] if definition else part)["description"]


def _steps(path: Sequence[str | int]) -> Iterator[str]:
    for step in path:
        yield f"entry {step + 1}" if isinstance(step, int) else str(step)


def _remedy(error: Any) -> str:
    if isinstance(error.instance, bool) and "boolean" not in error.schema.get("type", ()):
        return 'put it in quotes ("No"): YAML reads an unquoted yes, no, on, off, true or false as a truth value'
    known = error.schema.get("enum")
    if known and isinstance(error.instance, str):
        return f"correct it{did_you_mean(error.instance, known)}"
    return "correct it"


def shown(value: Any) -> str:
    """`value` as a user would recognise it, cut short where it is long."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, Mapping):
        return "a mapping (key: value)" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    text = repr(text_of(value)) if isinstance(value, str) else text_of(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

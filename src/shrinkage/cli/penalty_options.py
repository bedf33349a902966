"""The fields of every registered penalty as options of a command.

Who uses this: the commands that take a penalty by name. Nothing is listed here: what is registered
is offered, with the help, the type and the default of its fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from shrinkage.errors import InputError
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.options import Option, options_of
from shrinkage.penalties.registry import REGISTRY, penalty_class, penalty_from_name, registered_name


class WithPenaltyOptions:
    """A command whose `penalty` becomes --penalty, and whose `**…` one option a field.

    Typer asks for the signature whenever the command is called: it shows what is registered then.
    """

    def __init__(self, command: Callable[..., None], panel: str) -> None:
        self._command, self._panel = command, panel
        self.__doc__ = command.__doc__
        self.__annotations__ = {}

    def __call__(self, **arguments: Any) -> None:
        """Call the command."""
        self._command(**arguments)

    @property
    def __signature__(self) -> inspect.Signature:
        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(self._command, eval_str=True).parameters.values():
            if parameter.name == "penalty":
                parameters += _parameters(parameter, self._panel)
            elif parameter.kind is not inspect.Parameter.VAR_KEYWORD:
                parameters.append(parameter)
        return inspect.Signature(parameters)


def _parameters(penalty: inspect.Parameter, panel: str) -> list[inspect.Parameter]:
    """Return --penalty and one option a field; penalties whose fields have one name share it."""
    owners: dict[str, dict[str, Option]] = {}
    for name, registered in REGISTRY.items():
        for option in options_of(registered):
            owners.setdefault(option.name, {})[name] = option
    default = "" if penalty.default else " [default: l1]"
    text = f"One of {', '.join(REGISTRY)}; other names, as lasso, are in `shrinkage penalties`."
    names = typer.Option(help=text + default, metavar="NAME", rich_help_panel=panel)
    return [
        penalty.replace(annotation=Annotated[str | None, names]),
        *(_parameter(penalty, name, fields, panel) for name, fields in owners.items()),
    ]


def _parameter(
    penalty: inspect.Parameter, name: str, fields: Mapping[str, Option], panel: str
) -> inspect.Parameter:
    """Return the option of one field, given by the penalties that have it."""
    kind, *others = {field.type for field in fields.values()}
    if others:
        raise TypeError(
            f"expected one type for the field {name!r} of {', '.join(fields)}, got "
            f"{', '.join(field.type.__name__ for field in fields.values())}: rename one"
        )
    text = "; ".join(f"{owner}: {field.text}" for owner, field in fields.items())
    metavar = "NUMBER" if kind in (int, float) else "NAME"
    option = typer.Option(help=text, metavar=metavar, rich_help_panel=panel, show_default=False)
    return penalty.replace(name=name, default=None, annotation=Annotated[kind | None, option])


def penalty_with(name: str, options: Mapping[str, Any]) -> Penalty:
    """Return the penalty with the options that were typed; None is an option left out.

    Args:
        name: of the penalty.
        options: one value for every field of every registered penalty.

    Returns:
        The penalty.

    Raises:
        InputError: an unknown name, a bad value, or an option of another penalty.
    """
    typed = {key: value for key, value in options.items() if value is not None}
    own = {option.name: option.flag for option in options_of(penalty_class(name))}
    name = registered_name(name)
    for key in typed:
        if key not in own:
            offered = f"has {', '.join(own.values())}" if own else "has no options"
            raise InputError(
                f"--{key.replace('_', '-')} does not belong to the penalty {name}, which "
                f"{offered}; leave it out"
            )
    return penalty_from_name(name, **typed)


def penalty_with_goal(
    name: str | None, options: Mapping[str, Any], goal: str | None, **others: object
) -> Penalty:
    """Return the penalty that was typed, L1 where none was, or that of a goal.

    `others` are options of the path, to be refused beside a goal before anything heavy is loaded.

    Raises:
        InputError: as `penalty_with`, or a penalty beside a goal, which has its own.
    """
    if goal is None:
        return penalty_with(name or "l1", options)
    from shrinkage.paths.sparsifying.goals import check_beside, goal_of, penalty_of_goal

    typed = [key for key, value in options.items() if value is not None]
    if name is not None or typed:
        what = f"--penalty {name}" if name is not None else f"--{typed[0].replace('_', '-')}"
        raise InputError(
            f"expected no {what} beside --goal, which keeps the largest weights: leave it out, or "
            "give the penalty as a fixed term, --with '1e-5*l1'"
        )
    wanted = goal_of(goal)
    check_beside(others)
    return penalty_of_goal(wanted)


def tell_names(*names: str) -> None:
    """Say on the error stream what penalties are called here that were typed by another name.

    Raises:
        InputError: an unknown name.
    """
    for name in dict.fromkeys(names):
        registered = registered_name(name)
        if registered != name:
            typer.echo(f"{name} is called {registered} here", err=True)

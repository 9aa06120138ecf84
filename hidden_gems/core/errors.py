"""What can go wrong, in the words of the person who has to deal with it."""


class HiddenGemsError(Exception):
    """Anything this package raises on purpose; the command line prints the message without a traceback."""


class BadInputError(HiddenGemsError):
    """Something the caller gave us cannot be used; the message says what, where, and what was expected."""


class BadFieldError(BadInputError):
    """One field of a request cannot be used; `field` is its path, like `instances[0].limit`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class NotFoundError(HiddenGemsError):
    """What was asked for by its id is not here."""


class ExpiredError(HiddenGemsError):
    """What was asked for by its id was here, and its time is over."""


class NotADatasetError(BadInputError):
    """Not a dataset, or too many bad rows; the message names the file, the column and what was expected."""


class MissingExtraError(BadInputError):
    """The command needs packages of an extra that is not installed; names the extra and how to get it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}, which comes with: pip install 'hidden-gems[{extra}]'")
        self.extra = extra


class OutOfMemoryError(HiddenGemsError):
    """An engine has less memory than the rows need; says how much it was given and what to do."""


class ReleaseError(HiddenGemsError):
    """A release is missing, incomplete, or its files do not match their hashes."""


class ParityError(HiddenGemsError):
    """An exported model does not give the answers of the model it was made from."""


class StepFailedError(HiddenGemsError):
    """A step of a pipeline failed; names the step and where its log is."""


class PartUnavailableError(HiddenGemsError):
    """A part we depend on did not answer in time; `part` names it, and a fallback may."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part} is unavailable: {reason}")
        self.part = part


class FencedError(HiddenGemsError):
    """Another process has taken over what this one did; nothing was written, and nothing may be from now on."""

"""What schemathesis cannot know from the document."""

import schemathesis
from hypothesis import strategies as st

WEIGHTS = (range(1, 12), [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2])


def with_control_digit(digits):
    """A BIN that begins with these eleven digits; None where no number is issued."""
    sums = (sum(digit * weight for digit, weight in zip(digits, weights)) % 11 for weights in WEIGHTS)
    control = next((each for each in sums if each < 10), None)
    return None if control is None else "".join(map(str, [*digits, control]))


MADE_UP = st.lists(st.integers(0, 9), min_size=11, max_size=11).map(with_control_digit).filter(bool)

# A control digit is beyond a pattern. Half of the numbers are organisations of the sandbox, so that payments are made.
schemathesis.openapi.format("kz-bin", st.one_of(st.sampled_from(["891027350515", "210440028324"]), MADE_UP))


def as_sent(value):
    """JSON Schema calls 36.0 a whole number. The daemon refuses it as an amount: no money is read from a float."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: as_sent(each) for key, each in value.items()}
    return value


def is_allowed_wait(text):
    number = text.rstrip("mins")
    unit = {"ms": 1, "s": 1000, "m": 60000, "min": 60000}.get(text[len(number) :])
    return bool(unit and number.isascii() and number.isdigit() and int(number) * unit <= 600000)


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict):
        case.body = as_sent(case.body)
    # Nobody has ten minutes: whatever may wait for a while waits for a moment.
    for part in (case.query, case.body):
        if isinstance(part, dict) and isinstance(part.get("wait"), str) and is_allowed_wait(part["wait"]):
            part["wait"] = "20ms"

"""The time that a training still takes."""

from charlstm.training.pace import Pace


def test_the_first_step_of_a_process_says_nothing_of_the_others() -> None:
    pace = Pace()
    pace.take(1001, 9000.0)  # A run that is gone on with, whose first step compiled.
    assert pace.seconds_until(2000) is None
    pace.take(1002, 9002.0)
    pace.take(1003, 9006.0)
    assert pace.seconds_until(1003) == 0.0
    assert pace.seconds_until(1103) == 100 * 3.0


def test_going_back_begins_anew() -> None:
    pace = Pace()
    for step, elapsed in ((10, 1.0), (11, 2.0), (6, 50.0), (7, 50.5)):
        pace.take(step, elapsed)
    assert pace.seconds_until(9) == 2 * 0.5

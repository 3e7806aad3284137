"""Attempts by source: a burst, then one in a while; never more sources than allowed."""

from cogmill.kit.slowdown import Slowdown


def test_a_burst_then_one_in_a_while():
    now = [0.0]
    slow = Slowdown(burst=2, every=10, clock=lambda: now[0])
    assert [slow.wait("a"), slow.wait("a"), slow.wait("a")] == [0, 0, 10]
    assert slow.wait("b") == 0
    now[0] = 4.0
    assert slow.wait("a") == 6
    now[0] = 10.0
    assert [slow.wait("a"), slow.wait("a")] == [0, 10]


def test_a_success_gives_back_no_more_than_was_taken():
    slow = Slowdown(burst=1, every=10, clock=lambda: 0.0)
    assert slow.wait("a") == 0
    slow.give_back("a")
    slow.give_back("a")
    assert [slow.wait("a"), slow.wait("a")] == [0, 10]


def test_memory_is_bounded_and_the_quietest_goes_first():
    slow = Slowdown(burst=1, every=10, most_sources=2, clock=lambda: 0.0)
    assert [slow.wait(name) for name in ("a", "b", "a", "c")] == [0, 0, 10, 0]
    assert slow.wait("a") == 10
    assert slow.wait("b") == 0

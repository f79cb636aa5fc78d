"""How much at once? As much as takes a good time: small enough to hold nobody up, large enough to be worth a transaction."""


def paced(at_once: int, spent_s: float, target_s: float, *, most: int, least: int = 1) -> int:
    """How many next time: twice as many while they are quick, half of them when they take longer than target_s.

    least: not fewer, however slow; on a busy machine what a transaction costs anyway is most of it.
    """
    if spent_s < target_s / 2:
        return min(at_once * 2, most)
    return at_once if spent_s <= target_s or at_once <= least else max(least, at_once // 2)

"""How far two markers agree: the share of equal marks, and Cohen's weighted kappa.

J. Cohen, "Weighted kappa: nominal scale agreement with provision for scaled disagreement or partial credit",
Psychological Bulletin 70, 1968, https://doi.org/10.1037/h0026256.
"""

FEWEST = 10  # pairs, for a kappa


def exact(pairs):
    """Return the share of pairs of marks that are equal, or None without pairs."""
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else None


def weighted_kappa(pairs):
    """Return Cohen's kappa of pairs of marks with quadratic weights: 1 for equal marks, 0 as by chance.

    Marks are numbers of one scale; a difference counts by its square. None for fewer than ten pairs, and where both
    gave one and the same mark to all, so that chance alone would agree.
    """
    if len(pairs) < FEWEST:
        return None
    seen = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
    chance = sum((a - b) ** 2 for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    return 1 - seen / chance if chance > 1e-12 else None


def compare(pairs):
    """Return {"pairs", "exact", "kappa"} of two markers, None for what cannot be said."""
    return {"pairs": len(pairs), "exact": exact(pairs), "kappa": weighted_kappa(pairs)}

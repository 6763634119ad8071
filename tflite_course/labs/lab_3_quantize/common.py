"""Hints that two exercises of lab 3 give."""

NOT_INT8 = "the values are right and the dtype is not: end with `.astype(np.int8)`."
ROUNDED_DOWN = "you round down. Round to the nearest whole number."
CUT_OFF = "you cut the fraction off. Round to the nearest whole number."

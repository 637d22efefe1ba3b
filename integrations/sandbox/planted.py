"""Recognisable text in everything a metadata product must not keep.

A test that finds one of these markers in a database dump, a log or a report has found a leak.
"""

BODY = "planted-body"
VALUE = "planted-value"
OPTION = "planted-option"
FORMULA = "planted-formula"
COMMENT = "planted-comment"

MARKERS = (BODY, VALUE, OPTION, FORMULA, COMMENT)

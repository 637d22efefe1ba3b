"""The benchmarks: `python -m tests.bench` prints one JSON object per figure and ends by itself.

They run as the app's role in a database of their own, which is dropped at the end. A figure that misses its
target says so in ``met``; the exit status is 0 whenever everything could be measured.
"""

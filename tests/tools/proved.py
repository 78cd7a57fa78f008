"""How a check is called that has a test of itself: with `--self-test`, or with what is to be looked at."""
import sys


def proved(self_test, look):
    """The exit code of a check: `look` gives it, once the check has shown by `self_test` that it finds what it is for."""
    if not self_test():
        print("self-test failed")
        return 1
    return 0 if sys.argv[1] == "--self-test" else look()

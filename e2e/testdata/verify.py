# Verifies the DKIM signature of the mail on stdin, by dkimpy: python3 verify.py NAME RECORD,
# where NAME is what the DNS would be asked for and RECORD what it would say.
# Prints "valid" or "invalid".
import sys

import dkim

name, record = sys.argv[1].encode() + b".", sys.argv[2].encode()


def ask(question, timeout=5):
    return record if question == name else None


print("valid" if dkim.verify(sys.stdin.buffer.read(), dnsfunc=ask) else "invalid")

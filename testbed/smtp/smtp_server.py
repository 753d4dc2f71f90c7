"""A mail server for the tests: takes what it is sent and says so on standard output, one line of JSON for each mail.

To whom it is addressed says what it answers: refused@… is a 550, later@… a 451 the first time, never@… a 451 each time.
USHER_TEST_SMTPUTF8=no makes it one that takes addresses in ASCII only; USHER_TEST_SMTP_PORT chooses the port.
"""

import asyncio
import json
import os
import sys

from aiosmtpd.controller import Controller


class Mailbox:
    def __init__(self):
        self.asked = {}

    async def handle_RCPT(self, server, session, envelope, address, options):
        who = address.split("@")[0]
        self.asked[address] = self.asked.get(address, 0) + 1
        if who == "refused":
            return "550 5.1.1 No such mailbox here"
        if who == "never" or (who == "later" and self.asked[address] == 1):
            return "451 4.7.1 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "replace"),
        }
        print(json.dumps(mail), flush=True)
        return "250 OK"


def main():
    international = os.environ.get("USHER_TEST_SMTPUTF8") != "no"
    port = int(os.environ["USHER_TEST_SMTP_PORT"])
    server = Controller(Mailbox(), hostname="127.0.0.1", port=port, enable_SMTPUTF8=international, decode_data=False)
    server.start()
    print("up", flush=True)
    # Ends with the tests, however they end: the pipe closes.
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()

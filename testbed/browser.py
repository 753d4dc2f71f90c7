#!/usr/bin/env python3
"""A browser without a screen. Knows redirects, cookies and forms; does not know who is asked to sign in.

    browser.py START_URL USER PASSWORD

starts at START_URL, goes where it is sent, fills in each form on the way (a user-name field, a password field, a consent button)
and stops when there is nothing to fill in or the next hop leaves this machine. Prints each hop to standard error and the end as
one JSON object: `url`, `status`, `text`, `cookies`.
"""

import html.parser
import http.cookiejar
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

USER_FIELDS = {"login", "username", "user"}
HERE = {"localhost", "127.0.0.1"}
MOST_HOPS = 30


@dataclass
class Form:
    action: str
    method: str
    fields: dict = field(default_factory=dict)
    buttons: list = field(default_factory=list)

    def wants_person(self):
        return any(name in USER_FIELDS or name == "password" for name in self.fields)

    def wants_consent(self):
        """Canaille asks with a button `answer`, oidc-provider with a hidden `prompt`."""
        return ("answer", "accept") in self.buttons or self.fields.get("prompt") == "consent"

    def filled(self, user, password):
        values = dict(self.fields)
        for name in values:
            if name in USER_FIELDS:
                values[name] = user
            elif name == "password":
                values[name] = password
        if ("answer", "accept") in self.buttons:
            values["answer"] = "accept"
        return values


class FormReader(html.parser.HTMLParser):
    """The forms of a page, in order, with what they would send as they stand."""

    def __init__(self):
        super().__init__()
        self.forms = []
        self.open = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.open = Form(attributes.get("action") or "", (attributes.get("method") or "get").upper())
            self.forms.append(self.open)
        elif self.open and attributes.get("name"):
            name, value = attributes["name"], attributes.get("value") or ""
            if tag == "button" or attributes.get("type") == "submit":
                self.open.buttons.append((name, value))
            elif tag == "input":
                self.open.fields[name] = value

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = None


@dataclass
class Page:
    method: str
    url: str
    sent: dict
    status: int
    headers: object
    text: str

    @property
    def location(self):
        target = self.headers.get("location")
        return urllib.parse.urljoin(self.url, target) if target and 300 <= self.status < 400 else None

    def form(self):
        reader = FormReader()
        reader.feed(self.text)
        return next((form for form in reader.forms if form.wants_person() or form.wants_consent()), None)


class StayHere(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by hand, so that each can be shown."""

    def redirect_request(self, *_args):
        return None


class Browser:
    def __init__(self, watch=lambda page: None):
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), StayHere())
        self.watch = watch

    def request(self, url, form=None, method=None, headers=None):
        """One request and its answer, whatever its status."""
        body = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(url, body, headers or {}, method=method)
        try:
            answer = self.opener.open(request, timeout=30)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        with answer:
            page = Page(request.get_method(), url, form or {}, answer.status, answer.headers, answer.read().decode("utf-8", "replace"))
        self.watch(page)
        return page

    def follow(self, url, user, password):
        """Goes from `url` to wherever a person would end who knows this user name and password."""
        page = self.request(url)
        asked = set()
        for _ in range(MOST_HOPS):
            if page.location:
                if urllib.parse.urlsplit(page.location).hostname not in HERE:
                    return page
                page = self.request(page.location)
                continue
            form = page.form()
            question = form and (page.url, tuple(sorted(form.fields)))
            if not form or question in asked:  # nothing to fill in, or the same question again: the answer was not accepted
                return page
            asked.add(question)
            page = self.request(urllib.parse.urljoin(page.url, form.action), form.filled(user, password))
        raise RuntimeError(f"{url} led to more than {MOST_HOPS} hops")

    def cookie(self, name):
        return next((cookie.value for cookie in self.cookies if cookie.name == name), None)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    browser = Browser(lambda page: print(page.method, page.url, page.status, file=sys.stderr))
    page = browser.follow(*sys.argv[1:])
    cookies = {cookie.name: cookie.value for cookie in browser.cookies}
    print(json.dumps({"url": page.location or page.url, "status": page.status, "text": page.text, "cookies": cookies}))


if __name__ == "__main__":
    main()

"""Prints "ok" when every element of an HTML file is closed in its order, ids are unique and links inside lead somewhere."""
import sys
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "input"}


class Checker(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.faults = [], set(), [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if values.get("id") in self.ids:
            self.faults.append(f"id {values['id']} twice")
        if "id" in values:
            self.ids.add(values["id"])
        if values.get("href", "").startswith("#"):
            self.links.append(values["href"][1:])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"line {self.getpos()[0]}: </{tag}> closes nothing")


checker = Checker()
checker.feed(open(sys.argv[1], encoding="utf-8").read())
checker.close()
faults = checker.faults + [f"{tag} is open" for tag in checker.open]
faults += [f"#{link} leads nowhere" for link in checker.links if link not in checker.ids]
print("; ".join(faults[:5]) or "ok")

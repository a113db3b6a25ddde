"""The dashboard shows its pages."""

from asking import answered, served

with served("serve", "dashboard") as url:
    assert b"<title>" in answered(f"{url}/")

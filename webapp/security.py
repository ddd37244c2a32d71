"""What a browser may do with our answers: content security policy, other headers, forged requests.

The policy names no outside origin and no inline script or style; where a template needs one it uses
`{{ csp_nonce() }}`.  A view that sets a policy of its own (previews, the API's reference) keeps it.
"""

import secrets

from flask import Flask, Response, g
from flask_wtf.csrf import CSRFProtect

csrf = CSRFProtect()

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def protect(app: Flask) -> None:
    """Send the headers with every answer; refuse forged requests where gate.py asks for it."""
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.after_request(_with_headers)
    # Only what a session cookie signs in can be forged; the API's bearer tokens cannot.  gate.py checks.
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    # As long as the session: a form that was open overnight must still be good.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    csrf.init_app(app)


def csp_nonce() -> str:
    """This request's nonce: the same each time it is asked for."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=csp_nonce()))
    return response

"""Pages from Jinja2 templates, with the nonce, the language, the assets and the ages they need."""

import secrets
from pathlib import Path
from typing import Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from telehealth.access.sessions import SignedIn
from telehealth.settings import Settings
from telehealth.store.queries.screens import level_name
from webui import shown
from webui.assets import Assets
from webui.i18n import DEFAULT, LOCALES, Texts, texts, zone_of

TEMPLATES = Path(__file__).parent / "templates"
SETTINGS: Final[web.AppKey[Settings]] = web.AppKey("SETTINGS", Settings)
NONCE = web.RequestKey("NONCE", str)
TEXTS = web.RequestKey("TEXTS", Texts)


class Pages:
    """The templates, compiled once."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = assets.asset
        self._environment.filters["asset_preloads"] = lambda name: list(assets.asset(name).preloads)
        self._environment.globals["shown"] = shown
        self._environment.globals["level_name"] = level_name
        self._environment.filters["as_json"] = shown.as_json

    def render(
        self,
        request: web.Request,
        template: str,
        *,
        signed_in: SignedIn | None,
        now_ms: int,
        status: int = 200,
        time_zone: str = "Asia/Ho_Chi_Minh",
        **context: object,
    ) -> web.Response:
        """Return the page; it is never kept by a cache, for it shows a person's data."""
        language = language_of(request, signed_in)
        zone = zone_of(time_zone)
        html = self._environment.get_template(template).render(
            t=language.t,
            texts=language,
            number=lambda value: shown.number(value, language),
            script_texts=Markup(language.for_scripts),  # noqa: S704 - JSON with "<" escaped
            locale=language.locale,
            nonce=nonce_of(request),
            signed_in=signed_in,
            now_ms=now_ms,
            time_zone=time_zone,
            path=request.path,
            day_of=lambda at_ms: language.day(at_ms, zone),
            age=lambda at_ms: language.age(at_ms, now_ms),
            clock=lambda at_ms: language.time(at_ms, zone),
            moment=lambda at_ms: language.moment(at_ms, zone),
            **context,
        )
        response = web.Response(text=html, content_type="text/html", status=status)
        response.headers["Cache-Control"] = "no-store"
        return response


def nonce_of(request: web.Request) -> str:
    """Return this response's nonce (CSP level 3 §6.6.2), made when first asked for."""
    if NONCE not in request:
        request[NONCE] = secrets.token_urlsafe(18)
    return request[NONCE]


def language_cookie(request: web.Request) -> str:
    """Return the name of the cookie with the language; `__Host-` over TLS, as all have it."""
    return "__Host-lang" if request.app[SETTINGS].is_https else "lang"


def language_of(request: web.Request, signed_in: SignedIn | None) -> Texts:
    """Return the language: as chosen in this browser, else as the account says, else Vietnamese."""
    chosen = request.cookies.get(language_cookie(request))
    if chosen in LOCALES:
        return texts(chosen)
    return texts(signed_in.locale if signed_in else DEFAULT)

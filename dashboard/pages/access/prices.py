"""What does this project say its models cost, over the bundled prices?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import actor, project_page
from dashboard.pages.access.forms import PRICE_FIELDS, PriceForm
from dashboard.pages.access.settings_frame import SettingsFrame, attempt, settings_frame
from tracestore.actions import access as actions
from tracestore.queries.access import PriceRow, project_prices


@dataclass(frozen=True, slots=True)
class PriceLine:
    """rates: (what, nano-USD), in the order of the form."""

    id: int
    pattern: str
    provider: str
    effective_from: date
    rates: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class PricesPage:
    frame: SettingsFrame
    prices: Sequence[PriceLine]
    form: PriceForm


@project_page(role="editor")
@require_safe
def prices(request: HttpRequest) -> HttpResponse:
    return _prices(request, PriceForm(initial={"effective_from": timezone.now().date()}))


@project_page(role="editor")
@require_POST
def add_price(request: HttpRequest) -> HttpResponse:
    form = PriceForm(request.POST)
    if not form.is_valid():
        return _prices(request, form)
    fields = form.cleaned_data
    try:
        actions.add_price(
            request.project.pk,
            fields["provider"],
            fields["pattern"],
            fields["effective_from"],
            form.rates(),
            timezone.now(),
            actor(request),
        )
    except actions.Refused as refusal:
        form.add_error(None, str(refusal))
        return _prices(request, form)
    return redirect("prices", request.project.slug)


@project_page(role="editor")
@require_POST
def delete_price(request: HttpRequest, price_id: int) -> HttpResponse:
    if price_id not in {price.id for price in project_prices(request.project.pk)}:
        raise Http404
    attempt(request, lambda: actions.delete_price(request.project.pk, price_id, timezone.now(), actor(request)))
    return redirect("prices", request.project.slug)


def price_line(row: PriceRow) -> PriceLine:
    rates = [(label, row.rates[name]) for name, label in PRICE_FIELDS.items() if name in row.rates]
    return PriceLine(row.id, row.pattern, row.provider, row.effective_from, rates)


def _prices(request: HttpRequest, form: PriceForm) -> HttpResponse:
    lines = [price_line(row) for row in project_prices(request.project.pk)]
    page = PricesPage(settings_frame(request, "prices"), lines, form)
    return render(request, "access/prices.html", {"page": page}, status=400 if form.errors else 200)

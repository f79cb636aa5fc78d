"""Every URL of the product on one screen. OTLP paths are served by ingest's own ASGI application, see dashboard/asgi.py."""

from django.urls import path, register_converter

from dashboard.api import docs
from dashboard.api.api import api
from dashboard.links import AnyText, TraceId
from dashboard.pages import (
    assets,
    changes,
    context,
    cost,
    errors,
    evaluations,
    health,
    ingest,
    movers,
    sessions,
    storage,
    tools,
    trace,
    trace_delete,
    traces,
    version,
    versions,
)
from dashboard.pages.access import account, audit, keys, members, prices, projects, redaction, sign_in
from dashboard.pages.alerts import alert, handling, listed, silences
from dashboard.pages.board import page as board
from dashboard.pages.budget import page as budget
from dashboard.pages.channels import channels, unsubscribe
from dashboard.pages.objectives import edit as objective_edit
from dashboard.pages.objectives import exclusions
from dashboard.pages.objectives import listed as objectives

register_converter(TraceId, "trace")
register_converter(AnyText, "text")

EXCLUSIONS = "p/<slug:slug>/objectives/<slug:objective>/exclusions"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("static/plotly-<slug:digest>.js", assets.plotly, name="plotly"),
    # the JSON API: dashboard/api
    path("api/docs", docs.docs, name="api_docs"),
    path("api/openapi.json", docs.openapi, name="openapi"),
    path("api/v1/", api.urls),
    # people and sessions
    path("sign-in", sign_in.sign_in, name="sign_in"),
    path("sign-out", sign_in.sign_out, name="sign_out"),
    path("confirm", sign_in.confirm, name="confirm"),
    path("password/reset", sign_in.reset, name="password_reset"),
    path("password/reset/<str:uid>/<str:token>", sign_in.new_password, name="new_password"),
    path("invitation/<str:token>", members.invitation, name="invitation"),
    path("unsubscribe/<str:token>", unsubscribe.unsubscribe, name="unsubscribe"),
    path("account", account.account, name="account"),
    path("account/password", account.change_password, name="change_password"),
    path("account/sign-out-everywhere", account.sign_out_everywhere, name="sign_out_everywhere"),
    path("audit", audit.instance_audit, name="instance_audit"),
    path("storage/confirm", storage.confirm, name="confirm_retention"),
    path("", projects.home, name="home"),
    path("projects", projects.projects, name="projects"),
    path("projects/new", projects.new_project, name="new_project"),
    # pages of a project
    path("p/<slug:slug>/board", board.board, name="board"),
    path("p/<slug:slug>/board/figures", board.figures, name="board_figures"),
    path("p/<slug:slug>/board/anomalies", board.anomalies, name="board_anomalies"),
    path("p/<slug:slug>/board/csv", board.csv, name="board_csv"),
    path("p/<slug:slug>/board/<slug:name>", board.member, name="board_member"),
    path("p/<slug:slug>/traces", traces.traces, name="traces"),
    path("p/<slug:slug>/traces/<trace:trace_id>", trace.trace, name="trace"),
    path("p/<slug:slug>/traces/<trace:trace_id>/feedback", evaluations.rate, name="trace_feedback"),
    path("p/<slug:slug>/traces/<trace:trace_id>/delete", trace_delete.trace_delete, name="trace_delete"),
    path("p/<slug:slug>/sessions", sessions.sessions, name="sessions"),
    path("p/<slug:slug>/sessions/<text:session_id>", sessions.session, name="session"),
    path("p/<slug:slug>/versions", versions.versions, name="versions"),
    path("p/<slug:slug>/versions/diff", versions.version_diff, name="version_diff"),
    path("p/<slug:slug>/versions/<trace:set_id>", version.version, name="version"),
    path("p/<slug:slug>/tools", tools.tools, name="tools"),
    path("p/<slug:slug>/tools/<text:tool>", tools.tool, name="tool"),
    path("p/<slug:slug>/changes", changes.changes, name="changes"),
    path("p/<slug:slug>/changes/movers", movers.movers, name="movers"),
    path("p/<slug:slug>/cost", cost.cost, name="cost"),
    path("p/<slug:slug>/cost/figures", cost.cost_figures, name="cost_figures"),
    path("p/<slug:slug>/context", context.context, name="context"),
    path("p/<slug:slug>/context/<text:session_id>", context.session_turns, name="session_turns"),
    path("p/<slug:slug>/objectives", objectives.objectives, name="objectives"),
    path("p/<slug:slug>/objectives/new", objective_edit.new, name="objective-new"),
    path("p/<slug:slug>/objectives/<slug:objective>/edit", objective_edit.edit, name="objective-edit"),
    path("p/<slug:slug>/objectives/<slug:objective>/delete", objective_edit.delete, name="objective-delete"),
    path(EXCLUSIONS, exclusions.exclusions, name="objective-exclusions"),
    path(f"{EXCLUSIONS}/add", exclusions.add, name="exclusion-add"),
    path(f"{EXCLUSIONS}/<int:exclusion_id>/end", exclusions.end, name="exclusion-end"),
    path(f"{EXCLUSIONS}/<int:proposal_id>/confirm", exclusions.confirm, name="exclusion-confirm"),
    path(f"{EXCLUSIONS}/<int:proposal_id>/decline", exclusions.decline, name="exclusion-decline"),
    path("p/<slug:slug>/objectives/<slug:objective>", budget.objective, name="objective"),
    path("p/<slug:slug>/objectives/<slug:objective>/figures", budget.figures, name="objective-figures"),
    path("p/<slug:slug>/alerts", listed.alerts, name="alerts"),
    path("p/<slug:slug>/alerts/silences", silences.silences, name="silences"),
    path("p/<slug:slug>/alerts/silences/create", silences.create, name="create-silence"),
    path("p/<slug:slug>/alerts/silences/<int:silence_id>/end", silences.end, name="end-silence"),
    path("p/<slug:slug>/alerts/<uuid:alert_id>", alert.alert, name="alert"),
    path("p/<slug:slug>/alerts/<uuid:alert_id>/acknowledge", handling.acknowledge, name="alert-acknowledge"),
    path("p/<slug:slug>/alerts/<uuid:alert_id>/outcome", handling.outcome, name="alert-outcome"),
    path("p/<slug:slug>/alerts/<uuid:alert_id>/silence", handling.silence, name="alert-silence"),
    path("p/<slug:slug>/ingest", ingest.ingest, name="ingest"),
    # settings of a project
    path("p/<slug:slug>/settings", projects.settings, name="settings"),
    path("p/<slug:slug>/settings/change", projects.change_project, name="change_project"),
    path("p/<slug:slug>/settings/delete", projects.delete_project, name="delete_project"),
    path("p/<slug:slug>/settings/erase", projects.erase_user, name="erase_user"),
    path("p/<slug:slug>/settings/storage", storage.page, name="storage"),
    path("p/<slug:slug>/settings/leave", members.leave, name="leave"),
    path("p/<slug:slug>/settings/members", members.members, name="members"),
    path("p/<slug:slug>/settings/members/<int:user_id>/role", members.change_role, name="change_role"),
    path("p/<slug:slug>/settings/members/<int:user_id>/remove", members.remove_member, name="remove_member"),
    path("p/<slug:slug>/settings/invitations", members.invite, name="invite"),
    path("p/<slug:slug>/settings/invitations/<int:invitation_id>/revoke", members.revoke_invitation, name="uninvite"),
    path("p/<slug:slug>/settings/keys", keys.keys, name="keys"),
    path("p/<slug:slug>/settings/keys/create", keys.create_key, name="create_key"),
    path("p/<slug:slug>/settings/keys/<slug:prefix>/revoke", keys.revoke_key, name="revoke_key"),
    path("p/<slug:slug>/settings/channels", channels.channels, name="channels"),
    path("p/<slug:slug>/settings/channels/create", channels.create_channel, name="create_channel"),
    path("p/<slug:slug>/settings/channels/<int:channel_id>", channels.edit_channel, name="edit_channel"),
    path("p/<slug:slug>/settings/channels/<int:channel_id>/test", channels.test_channel, name="test_channel"),
    path("p/<slug:slug>/settings/channels/<int:channel_id>/switch", channels.switch_channel, name="switch_channel"),
    path("p/<slug:slug>/settings/channels/<int:channel_id>/delete", channels.delete_channel, name="delete_channel"),
    path("p/<slug:slug>/settings/channels/<int:channel_id>/rotate", channels.rotate_secret, name="rotate_secret"),
    path("p/<slug:slug>/settings/channels/<int:channel_id>/forget", channels.forget_secret, name="forget_secret"),
    path("p/<slug:slug>/settings/redaction", redaction.redaction, name="redaction"),
    path("p/<slug:slug>/settings/redaction/add", redaction.add_rule, name="add_rule"),
    path("p/<slug:slug>/settings/redaction/try", redaction.try_rules, name="try_rules"),
    path("p/<slug:slug>/settings/redaction/<int:rule_id>/switch", redaction.switch_rule, name="switch_rule"),
    path("p/<slug:slug>/settings/redaction/<int:rule_id>/delete", redaction.delete_rule, name="delete_rule"),
    path("p/<slug:slug>/settings/prices", prices.prices, name="prices"),
    path("p/<slug:slug>/settings/prices/add", prices.add_price, name="add_price"),
    path("p/<slug:slug>/settings/prices/<int:price_id>/delete", prices.delete_price, name="delete_price"),
    path("p/<slug:slug>/settings/audit", audit.audit, name="audit"),
]

handler400, handler403 = errors.bad_request, errors.forbidden
handler404, handler500 = errors.not_found, errors.server_error

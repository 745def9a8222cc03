"""Every address of the product. Intake and event streams are routed beside these, in ``config.asgi``."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from config.api import api

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("incidents.urls")),
    path("", include("oncall.urls")),
    path("", include("postmortems.urls")),
    path("api/v1/", api.urls),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
handler400 = "incidents.views.errors.bad_request"
handler403 = "incidents.views.errors.forbidden"
handler404 = "incidents.views.errors.not_found"
handler500 = "incidents.views.errors.server_error"

"""The addresses of the library."""

from django.urls import path

from postmortems.views import document

app_name = "postmortems"
urlpatterns = [
    path("postmortems/", document.document_list, name="list"),
    path("postmortems/<int:number>/", document.detail, name="detail"),
    path("postmortems/<int:number>/sections/<slug:key>/", document.edit_section, name="edit-section"),
    path("incidents/<int:number>/postmortem/", document.card, name="card"),
]

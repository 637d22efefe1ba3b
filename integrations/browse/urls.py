from django.urls import path

from integrations.browse import views

app_name = "browse"
urlpatterns = [
    path("orgs/<slug:slug>/browse/", views.search, name="search"),
    path("orgs/<slug:slug>/browse/<uuid:page_id>/", views.page, name="page"),
    path("orgs/<slug:slug>/browse/databases/<uuid:database_id>/", views.database, name="database"),
]

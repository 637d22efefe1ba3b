from django.urls import path

from tenants import views

app_name = "tenants"
urlpatterns = [
    path("orgs/<slug:slug>/members/", views.members, name="members"),
    path("orgs/<slug:slug>/members/<uuid:membership_id>/role", views.member_role, name="member_role"),
    path("orgs/<slug:slug>/members/<uuid:membership_id>/remove", views.member_remove, name="member_remove"),
]

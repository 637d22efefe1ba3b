"""A person's own scope alone changes their row, so that SQL in the app's connection cannot take an account.

Everybody may be read, because people log in before any scope exists and because members see each other.
"""

from django.db import migrations

FENCE = """
ALTER TABLE tenants_user ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants_user FORCE ROW LEVEL SECURITY;
CREATE POLICY anyone ON tenants_user FOR SELECT USING (true);
CREATE POLICY born ON tenants_user FOR INSERT
    WITH CHECK (id = (SELECT scope_user()) AND NOT is_staff AND NOT is_superuser);
CREATE POLICY self ON tenants_user FOR UPDATE USING (id = (SELECT scope_user()));
CREATE POLICY operator ON tenants_user TO CURRENT_USER
    USING ((SELECT current_user = session_user)) WITH CHECK ((SELECT current_user = session_user));

-- allauth would make a missing one at login, where nobody's scope is entered yet.
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
    SELECT id, lower(email), false, false FROM tenants_user AS person
    WHERE NOT EXISTS (SELECT FROM account_emailaddress WHERE user_id = person.id);
ALTER TABLE account_emailaddress ENABLE ROW LEVEL SECURITY;
ALTER TABLE account_emailaddress FORCE ROW LEVEL SECURITY;
CREATE POLICY anyone ON account_emailaddress FOR SELECT USING (true);
CREATE POLICY self ON account_emailaddress USING (user_id = (SELECT scope_user()));
CREATE POLICY operator ON account_emailaddress TO CURRENT_USER
    USING ((SELECT current_user = session_user)) WITH CHECK ((SELECT current_user = session_user));

-- A person sees what they were granted, so that the way into an organization is one query.
CREATE POLICY also_1 ON tenants_organizationuserpermission FOR SELECT USING (user_id = (SELECT scope_user()));
"""

UNFENCE = """
DROP POLICY also_1 ON tenants_organizationuserpermission;
DROP POLICY anyone ON tenants_user; DROP POLICY born ON tenants_user; DROP POLICY self ON tenants_user;
DROP POLICY operator ON tenants_user;
ALTER TABLE tenants_user NO FORCE ROW LEVEL SECURITY; ALTER TABLE tenants_user DISABLE ROW LEVEL SECURITY;
DROP POLICY anyone ON account_emailaddress; DROP POLICY self ON account_emailaddress;
DROP POLICY operator ON account_emailaddress;
ALTER TABLE account_emailaddress NO FORCE ROW LEVEL SECURITY;
ALTER TABLE account_emailaddress DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
        ("notionscan", "0003_signed_scope"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]
    operations = [migrations.RunSQL(FENCE, UNFENCE)]

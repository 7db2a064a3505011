"""The users of a FerretDB that Socle runs: what leaves none but the one that its set-up makes. Pure."""

from __future__ import annotations

AUTH_DATABASE = "socle_auth"
"""The MongoDB database that the users live in, what clients give as `authSource`; a schema of the application's own."""

RESET = f"""
DROP SCHEMA IF EXISTS {AUTH_DATABASE} CASCADE;
CREATE SCHEMA IF NOT EXISTS admin;
DO $reset$
DECLARE
  found text;
BEGIN
  IF to_regclass('admin._ferretdb_database_metadata') IS NOT NULL THEN
    FOR found IN
      SELECT _jsonb->>'table' FROM admin._ferretdb_database_metadata WHERE _jsonb->>'_id' = 'system.users'
    LOOP
      EXECUTE format('DELETE FROM admin.%I WHERE _jsonb->>''db'' = ''{AUTH_DATABASE}''', found);
    END LOOP;
  END IF;
  FOR found IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
    FROM pg_namespace n, aclexplode(n.nspacl) a
    WHERE n.nspname = 'admin' AND a.grantee <> n.nspowner
  LOOP
    EXECUTE 'REVOKE ALL ON SCHEMA admin FROM ' || found;
  END LOOP;
END
$reset$;
"""
"""Removes the users, whoever made them, and whoever else might read what FerretDB keeps of their passwords. Run as the
role that FerretDB logs in as, before it starts: it then makes its one user, and no other stays."""

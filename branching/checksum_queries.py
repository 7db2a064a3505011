"""What a database's definitions are, kind by kind, for its checksum."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

_HERE = "(SELECT oid FROM pg_database WHERE datname = current_database())"

DEFINITIONS: Mapping[str, sql.SQL] = {
    "database": sql.SQL(
        f"""SELECT d.datname, pg_get_userbyid(d.datdba), d.datistemplate, d.datallowconn, d.datconnlimit,
                   d.datacl::text,
                   shobj_description(d.oid, 'pg_database') FROM pg_database d WHERE d.oid = {_HERE}"""
    ),
    "settings": sql.SQL(
        f"""SELECT setrole::regrole::text, setconfig::text FROM pg_db_role_setting WHERE setdatabase = {_HERE}"""
    ),
    "schemas": sql.SQL("SELECT nspname, nspowner::regrole::text, nspacl FROM pg_namespace WHERE nspname !~ '^pg_t'"),
    "relations": sql.SQL(
        """SELECT oid::regclass::text, relkind::text, relowner::regrole::text, relacl::text, relrowsecurity,
                  relforcerowsecurity, relpersistence::text, reloptions::text,
                  CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END
           FROM pg_class WHERE oid >= 16384 AND relkind NOT IN ('t', 'i')
             AND relnamespace::regnamespace::text !~ '^pg_t'"""
    ),
    "columns": sql.SQL(
        """SELECT a.attrelid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  a.attidentity::text, a.attgenerated::text, a.attacl::text, pg_get_expr(d.adbin, d.adrelid)
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
           LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
             AND c.relnamespace::regnamespace::text !~ '^pg_t'"""
    ),
    "constraints": sql.SQL(
        """SELECT conrelid::regclass::text, contypid::regtype::text, conname, pg_get_constraintdef(oid), convalidated
           FROM pg_constraint WHERE oid >= 16384"""
    ),
    "indexes": sql.SQL(
        "SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indexrelid >= 16384"
        " AND indrelid::regclass::text !~ '^pg_toast'"
    ),
    "functions": sql.SQL(
        """SELECT oid::regprocedure::text, proowner::regrole::text, proacl::text, prosecdef, proconfig::text, prosrc
           FROM pg_proc WHERE oid >= 16384"""
    ),
    "types": sql.SQL(
        """SELECT t.oid::regtype::text, t.typowner::regrole::text, t.typtype::text, t.typnotnull, t.typdefault,
                  (SELECT array_agg(enumlabel ORDER BY enumsortorder)::text FROM pg_enum WHERE enumtypid = t.oid)
           FROM pg_type t WHERE t.oid >= 16384 AND t.typnamespace::regnamespace::text !~ '^pg_t'"""
    ),
    "triggers": sql.SQL(
        "SELECT pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger WHERE oid >= 16384 AND NOT tgisinternal"
    ),
    "policies": sql.SQL(
        "SELECT schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies"
    ),
    "rules": sql.SQL("SELECT pg_get_ruledef(oid), ev_enabled::text FROM pg_rewrite WHERE oid >= 16384"),
    "extensions": sql.SQL("SELECT extname, extversion, extowner::regrole::text FROM pg_extension"),
    "default privileges": sql.SQL(
        """SELECT defaclrole::regrole::text, defaclnamespace::regnamespace::text, defaclobjtype::text, defaclacl::text
           FROM pg_default_acl"""
    ),
    "comments": sql.SQL(
        """SELECT pg_describe_object(classoid, objoid, objsubid), description
           FROM pg_description WHERE objoid >= 16384"""
    ),
    "event triggers": sql.SQL(
        "SELECT evtname, evtevent, evtenabled::text, evtfoid::regprocedure::text FROM pg_event_trigger"
    ),
    "publications": sql.SQL("SELECT pubname, pubowner::regrole::text, puballtables FROM pg_publication"),
    "large objects": sql.SQL("SELECT oid, lomowner::regrole::text FROM pg_largeobject_metadata"),
}
"""The sequences' own columns hold no definition that can drift; where they stand is asked apart."""

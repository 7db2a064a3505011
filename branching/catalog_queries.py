"""The catalog's queries. Objects that an extension made come with the extension and are nobody's to classify."""

from __future__ import annotations

from typing import LiteralString

OWN_SCHEMAS: LiteralString = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
OWN_RELATION: LiteralString = """NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')"""

DATABASE: LiteralString = """
    SELECT d.datname AS name, pg_get_userbyid(d.datdba) AS owner, pg_encoding_to_char(d.encoding) AS encoding,
           d.datlocprovider::text AS provider, d.datcollate AS collate, d.datctype AS ctype,
           {locale} AS locale, {rules} AS icu_rules, pg_database_size(d.oid) AS bytes,
           shobj_description(d.oid, 'pg_database') AS comment,
           EXISTS (SELECT FROM pg_description o WHERE o.objoid >= 16384 AND o.classoid <> 'pg_extension'::regclass
                   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.classoid AND e.objid = o.objoid
                                   AND e.deptype = 'e')) AS commented,
           (SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setdatabase = d.oid AND s.setrole = 0) AS settings
    FROM pg_database d WHERE d.datname = current_database()"""

TABLES: LiteralString = f"""
    SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
           pg_table_size(c.oid) AS bytes,
           pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks,
           rn.nspname || '.' || r.relname AS root
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class r ON c.relispartition AND r.oid = pg_partition_root(c.oid)
    LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE c.relkind IN ('r', 'p') AND {OWN_SCHEMAS} AND {OWN_RELATION}
    ORDER BY n.nspname, c.relname"""

COLUMNS: LiteralString = f"""
    WITH RECURSIVE strict (oid) AS (
        SELECT oid FROM pg_type WHERE typtype = 'd' AND typnotnull
        UNION SELECT t.oid FROM pg_type t JOIN strict s ON t.typtype = 'd' AND t.typbasetype = s.oid)
    SELECT c.oid AS table_oid, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull OR a.atttypid IN (SELECT oid FROM strict) AS not_null,
           a.attgenerated <> '' AS generated,
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
                   AND a.attnum = ANY (i.indkey)) AS primary_key,
           EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = c.oid
                   AND a.attnum = ANY (p.partattrs)) AS partition_key,
           (SELECT format_type(t.typbasetype, t.typtypmod) FROM pg_type t
            WHERE t.oid = a.atttypid AND t.typtype = 'd') AS domain_of,
           EXISTS (SELECT FROM pg_type t WHERE t.oid = a.atttypid AND t.typtype = 'e') AS enum,
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indnkeyatts = 1
                   AND i.indkey[0] = a.attnum) AS "unique",
           ARRAY(SELECT ARRAY[rn.nspname || '.' || rc.relname, ra.attname] FROM pg_constraint o
                 JOIN pg_class rc ON rc.oid = o.confrelid JOIN pg_namespace rn ON rn.oid = rc.relnamespace
                 JOIN pg_attribute ra ON ra.attrelid = rc.oid
                      AND ra.attnum = o.confkey[array_position(o.conkey, a.attnum)]
                 WHERE o.contype = 'f' AND o.conrelid = c.oid AND o.conparentid = 0 AND a.attnum = ANY (o.conkey)
                 ORDER BY o.oid) AS "references"
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND {OWN_SCHEMAS} AND {OWN_RELATION}
    ORDER BY c.oid, a.attnum"""

SEQUENCES: LiteralString = f"""
    SELECT n.nspname AS schema, c.relname AS name,
           ARRAY(SELECT ARRAY[tn.nspname || '.' || t.relname, a.attname] FROM pg_depend d
                 LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid AND d.refobjid = c.oid
                 JOIN pg_class t ON t.oid = CASE WHEN f.oid IS NULL THEN d.refobjid ELSE f.adrelid END
                 JOIN pg_attribute a ON a.attrelid = t.oid
                      AND a.attnum = CASE WHEN f.oid IS NULL THEN d.refobjsubid ELSE f.adnum END
                 JOIN pg_namespace tn ON tn.oid = t.relnamespace
                 WHERE d.refclassid = 'pg_class'::regclass AND (f.oid IS NOT NULL OR d.classid = 'pg_class'::regclass
                       AND d.objid = c.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))
                 ORDER BY 1) AS feeds
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND {OWN_SCHEMAS} AND {OWN_RELATION} ORDER BY 1, 2"""

FOREIGN_TABLES: LiteralString = f"""
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'f' AND {OWN_SCHEMAS} AND {OWN_RELATION} ORDER BY 1, 2"""

EXTENSIONS: LiteralString = """
    SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY e.oid"""

MATERIALIZED_VIEWS: LiteralString = f"""
    SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND c.relispopulated AND {OWN_SCHEMAS} AND {OWN_RELATION} ORDER BY c.oid"""

VIEW_DEPENDENCIES: LiteralString = """
    SELECT DISTINCT r.ev_class AS view, d.refobjid AS needs
    FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid AND s.relkind IN ('v', 'm')
    WHERE r.ev_class <> d.refobjid AND r.ev_class >= 16384"""

UNVALIDATED: LiteralString = """
    SELECT n.nspname || '.' || COALESCE(c.relname, t.typname) || '.' || o.conname AS name
    FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
    LEFT JOIN pg_class c ON c.oid = o.conrelid LEFT JOIN pg_type t ON t.oid = o.contypid
    WHERE NOT o.convalidated"""

INERT: LiteralString = """
    SELECT 'event trigger ' || evtname AS what FROM pg_event_trigger x
        WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_event_trigger'::regclass
                          AND e.objid = x.oid AND e.deptype = 'e')
    UNION ALL SELECT 'publication ' || pubname FROM pg_publication
    UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'foreign server ' || srvname FROM pg_foreign_server
    UNION ALL SELECT 'user mapping of ' || COALESCE(usename, 'public') || ' on ' || srvname FROM pg_user_mappings
    UNION ALL SELECT 'foreign data wrapper ' || fdwname FROM pg_foreign_data_wrapper x
        WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_foreign_data_wrapper'::regclass
                          AND e.objid = x.oid AND e.deptype = 'e')
    UNION ALL SELECT 'foreign table ' || n.nspname || '.' || c.relname
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f'
    ORDER BY 1"""

EXTENSION_TABLES: LiteralString = """
    SELECT e.extname AS extension, n.nspname AS schema, c.relname AS name, x.condition,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_extension e CROSS JOIN unnest(e.extconfig, e.extcondition) AS x (relation, condition)
    JOIN pg_class c ON c.oid = x.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') ORDER BY 1, 2, 3"""
"""Tables of extensions that hold their users' rows, with the condition that tells these from the extension's own
(PostgreSQL's documentation, "Extension Configuration Tables")."""

LARGE_OBJECTS: LiteralString = "SELECT count(*) AS count FROM pg_largeobject_metadata"

ROLE_SETTINGS: LiteralString = """
    SELECT pg_get_userbyid(setrole) AS role, setconfig AS settings FROM pg_db_role_setting
    WHERE setrole <> 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1"""
